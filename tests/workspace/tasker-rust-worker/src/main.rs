//! Runs the tasks of the queue `rust`.

mod worker;

use axum::Router;
use axum::routing::get;
use std::net::SocketAddr;
use std::process::ExitCode;
use tasker_shared::{Health, Service, Settings, Store, server};
use tokio_util::sync::CancellationToken;
use worker::Worker;

const SERVICE: Service = Service { name: "rust-worker", version: env!("CARGO_PKG_VERSION") };

fn main() -> ExitCode {
    SERVICE.run(8081, serve)
}

async fn serve(settings: Settings, address: SocketAddr, end: CancellationToken) -> anyhow::Result<()> {
    let store = Store::open(&settings.database_url, settings.database_connections)?;
    let health_store = store.clone();
    let router = Router::new().route("/health", get(async move || Health::of(SERVICE, &health_store).await));
    let worker = Worker::new(store.clone(), "rust");
    // A listener that fails must end the worker too, and the other way round.
    let work = async {
        let _end_others = end.clone().drop_guard();
        worker.run(end.clone()).await;
    };
    let served = async {
        let _end_others = end.clone().drop_guard();
        server::serve(router, address, end.clone()).await
    };
    let (served, ()) = tokio::join!(served, work);
    store.close().await;
    served
}
