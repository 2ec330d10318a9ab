//! `GET /health`: 200 and JSON while the service can work, 503 and the same JSON with the reason when it can't.

use crate::{Service, Store};
use anyhow::{Context, bail};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub status: Status,
    pub service: String,
    pub version: String,
    pub database: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    Degraded,
}

impl Health {
    pub async fn of(service: Service, store: &Store) -> Self {
        let database = store.ping().await;
        Self {
            status: if database.is_ok() { Status::Ok } else { Status::Degraded },
            service: service.name.to_owned(),
            version: service.version.to_owned(),
            database: database.map_or_else(|error| error.to_string(), |()| "ok".to_owned()),
        }
    }
}

impl IntoResponse for Health {
    fn into_response(self) -> Response {
        let code = match self.status {
            Status::Ok => StatusCode::OK,
            Status::Degraded => StatusCode::SERVICE_UNAVAILABLE,
        };
        (code, Json(self)).into_response()
    }
}

/// An answer is small; a longer one is not ours.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Asks the service on this machine, and gives the body of its answer. HTTP/1.0, so that the answer ends with the
/// connection and no client library is needed.
pub fn ask(port: u16, patience: Duration) -> anyhow::Result<String> {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let mut stream =
        TcpStream::connect_timeout(&address, patience).with_context(|| format!("nobody answers on port {port}"))?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream
        .take(LONGEST_ANSWER)
        .read_to_string(&mut answer)
        .with_context(|| format!("no whole answer on port {port}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is not HTTP")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => bail!("not well: {}: {body}", head.lines().next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// A service that gives one answer.
    fn answering(answer: &'static str) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 256];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        port
    }

    #[test]
    fn a_well_service_gives_its_body() {
        let port = answering("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{\"status\":\"ok\"}");
        assert_eq!(ask(port, PATIENCE).unwrap(), r#"{"status":"ok"}"#);
    }

    #[test]
    fn an_ill_service_gives_its_reason() {
        let port = answering("HTTP/1.0 503 Service Unavailable\r\n\r\n{\"database\":\"gone\"}");
        let error = ask(port, PATIENCE).unwrap_err().to_string();
        assert_eq!(error, r#"not well: HTTP/1.0 503 Service Unavailable: {"database":"gone"}"#);
    }

    #[test]
    fn what_is_no_service_is_told_apart() {
        assert_eq!(ask(answering("220 mail\r\n"), PATIENCE).unwrap_err().to_string(), "the answer is not HTTP");
        let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        assert_eq!(ask(nobody, PATIENCE).unwrap_err().to_string(), format!("nobody answers on port {nobody}"));
    }
}
