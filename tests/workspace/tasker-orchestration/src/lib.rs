//! Takes tasks, hands them to workers, keeps their results.

mod api;

pub use api::router;

use anyhow::Context;
use std::time::Duration;
use tasker_shared::{Service, Store};

pub const SERVICE: Service = Service { name: "orchestration", version: env!("CARGO_PKG_VERSION") };

const ATTEMPTS: u32 = 20;

/// Brings the schema up to date. A database that is still starting gets half a minute and more.
pub async fn wait_for_database(store: &Store) -> anyhow::Result<()> {
    for attempt in 1..ATTEMPTS {
        match store.ping().await {
            Ok(()) => break,
            Err(error) => tracing::warn!(attempt, %error, "the database does not answer yet"),
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    store.migrate().await.context("bringing the schema up to date")
}
