use std::net::SocketAddr;
use std::process::ExitCode;
use tasker_orchestration::{SERVICE, router, wait_for_database};
use tasker_shared::{Settings, Store, server};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    SERVICE.run(8080, serve)
}

async fn serve(settings: Settings, address: SocketAddr, end: CancellationToken) -> anyhow::Result<()> {
    let store = Store::open(&settings.database_url, settings.database_connections)?;
    tokio::select! {
        migrated = wait_for_database(&store) => migrated?,
        () = end.cancelled() => return Ok(()),
    }
    server::serve(router(store.clone()), address, end).await?;
    store.close().await;
    Ok(())
}
