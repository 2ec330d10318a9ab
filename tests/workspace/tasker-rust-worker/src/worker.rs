use std::time::Duration;
use tasker_core::{Task, run_step};
use tasker_shared::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PAUSE_WITHOUT_WORK: Duration = Duration::from_millis(500);
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(5);

pub struct Worker {
    store: Store,
    queue: &'static str,
    name: String,
}

impl Worker {
    pub fn new(store: Store, queue: &'static str) -> Self {
        Self { store, queue, name: format!("{queue}-{}", Uuid::now_v7()) }
    }

    /// Takes one task after the other until it is told to end; the one it has begun it finishes. A database that is
    /// away, or has no tables yet, is waited for.
    pub async fn run(&self, end: CancellationToken) {
        while !end.is_cancelled() {
            let pause = match self.step().await {
                Ok(true) => continue,
                Ok(false) => PAUSE_WITHOUT_WORK,
                Err(error) => {
                    tracing::warn!(%error, "no task can be had now");
                    PAUSE_AFTER_FAULT
                }
            };
            let _ = end.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Runs one task; says whether there was one.
    async fn step(&self) -> Result<bool, StoreError> {
        let Some(task) = self.store.claim(self.queue, &self.name).await? else {
            return Ok(false);
        };
        let id = task.id;
        match run(task).await {
            Ok(result) => self.store.complete(id, &self.name, &result).await?,
            Err(error) => {
                tracing::warn!(%id, error, "a task failed");
                self.store.fail(id, &self.name, &error).await?;
            }
        }
        Ok(true)
    }
}

/// A step computes and does not wait, so it gets a thread of its own; one that panics is a failed task.
async fn run(task: Task) -> Result<serde_json::Value, String> {
    tokio::task::spawn_blocking(move || run_step(&task.step, &task.payload).map_err(|error| error.to_string()))
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody listens there.
    fn worker_without_database() -> Worker {
        Worker::new(Store::open("postgres://nobody@127.0.0.1:1/none", 1).unwrap(), "rust")
    }

    #[tokio::test]
    async fn a_missing_database_is_a_fault_and_no_end() {
        assert!(matches!(worker_without_database().step().await, Err(StoreError::Database(_))));
    }

    #[tokio::test]
    async fn it_ends_when_it_is_told_to() {
        let end = CancellationToken::new();
        end.cancel();
        worker_without_database().run(end).await;
    }

    #[test]
    fn workers_have_names_of_their_own() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let (one, other) = (worker_without_database(), worker_without_database());
        assert!(one.name.starts_with("rust-"));
        assert_ne!(one.name, other.name);
    }
}
