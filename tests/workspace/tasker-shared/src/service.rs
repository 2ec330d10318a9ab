//! How a service is started: `serve` (also when nothing is said), or `health`, which asks the one that runs. With it an
//! image can check itself, and needs neither a shell nor curl.

use crate::health;
use anyhow::Context;
use clap::{Parser, Subcommand};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// A service's own name and version, as its health and its logs have it.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    pub name: &'static str,
    pub version: &'static str,
}

/// What a service needs in order to work.
#[derive(Debug, Clone)]
pub struct Settings {
    pub database_url: String,
    pub database_connections: u32,
}

#[derive(Debug, Parser)]
#[command(about = "Serves, or asks the one that serves on this machine how it is", disable_version_flag = true)]
struct CommandLine {
    /// The port to listen on, on all addresses
    #[arg(long, env = "PORT", global = true)]
    port: Option<u16>,
    /// Where the tasks are
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    /// Connections that may be open at the same time
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value_t = 5, global = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    database_connections: u32,
    #[command(subcommand)]
    command: Option<Command>,
}

impl CommandLine {
    fn settings(self) -> anyhow::Result<Settings> {
        Ok(Settings {
            database_url: self.database_url.context("DATABASE_URL is not set")?,
            database_connections: self.database_connections,
        })
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves until it is told to end; this is also what no command means
    Serve,
    /// Asks the service that runs on this machine how it is; exit 0 when it is well
    Health,
}

impl Service {
    /// The whole of a service's `main`. `serve` gets the address to listen on, and ends when the token is cancelled.
    pub fn run<F, S>(self, default_port: u16, serve: F) -> ExitCode
    where
        F: FnOnce(Settings, SocketAddr, CancellationToken) -> S,
        S: Future<Output = anyhow::Result<()>>,
    {
        let line = CommandLine::parse();
        let port = line.port.unwrap_or(default_port);
        let done = match line.command {
            Some(Command::Health) => health::ask(port, Duration::from_secs(3)).map(|body| println!("{body}")),
            Some(Command::Serve) | None => line.settings().and_then(|settings| self.serve(settings, port, serve)),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{}: {error:#}", self.name);
                ExitCode::FAILURE
            }
        }
    }

    #[tokio::main]
    async fn serve<F, S>(self, settings: Settings, port: u16, serve: F) -> anyhow::Result<()>
    where
        F: FnOnce(Settings, SocketAddr, CancellationToken) -> S,
        S: Future<Output = anyhow::Result<()>>,
    {
        log_to_stdout()?;
        let end = CancellationToken::new();
        end_on_signal(end.clone())?;
        tracing::info!(service = self.name, version = self.version, port, "starts");
        serve(settings, (Ipv4Addr::UNSPECIFIED, port).into(), end).await?;
        tracing::info!(service = self.name, "has ended");
        Ok(())
    }
}

/// JSON lines; RUST_LOG says how many.
fn log_to_stdout() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().or_else(|_| EnvFilter::try_new("info"))?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .try_init()
        .map_err(|error| anyhow::anyhow!(error))
}

fn end_on_signal(end: CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("was told to end");
        end.cancel();
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    fn parse<const N: usize>(arguments: [&str; N]) -> CommandLine {
        CommandLine::try_parse_from(arguments).unwrap()
    }

    #[test]
    fn health_needs_no_database() {
        let line = parse(["tasker", "health", "--port", "99"]);
        assert!(matches!(line.command, Some(Command::Health)));
        assert_eq!(line.port, Some(99));
    }

    #[test]
    fn no_command_means_serve() {
        let line = parse(["tasker", "--database-url", "postgres://there"]);
        assert!(line.command.is_none());
        assert_eq!(line.settings().unwrap().database_url, "postgres://there");
    }
}
