//! What every Rust service needs: settings, logs, a health check, and the tasks in Postgres.

pub mod health;
pub mod server;
pub mod service;
pub mod store;

pub use health::Health;
pub use service::{Service, Settings};
pub use store::{Store, StoreError};
