//! The tasks in Postgres. Every query is checked against the schema when it is compiled: against a database when
//! DATABASE_URL is set, and against what `cargo sqlx prepare` has written into .sqlx/ when SQLX_OFFLINE is.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::time::Duration;
use tasker_core::{NewTask, RetryPolicy, Task, TaskState};
use uuid::Uuid;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no task {0}")]
    NotFound(Uuid),
    #[error("task {id} is not held by {worker}")]
    NotHeld { id: Uuid, worker: String },
    #[error("a task needs a queue and a step")]
    Nameless,
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("migrating: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct QueueCount {
    pub queue: String,
    pub state: TaskState,
    pub tasks: i64,
}

#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    retry: RetryPolicy,
}

/// How long a worker may take for a task before others may claim it.
pub const LEASE: Duration = Duration::from_secs(60);

struct Row {
    id: Uuid,
    queue: String,
    step: String,
    payload: Value,
    state: String,
    attempts: i32,
    worker: Option<String>,
    result: Option<Value>,
    error: Option<String>,
    run_after: DateTime<Utc>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Task {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            queue: row.queue,
            step: row.step,
            payload: row.payload,
            state: parse_state(&row.state)?,
            attempts: row.attempts.unsigned_abs(),
            worker: row.worker,
            result: row.result,
            error: row.error,
            run_after: row.run_after,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn parse_state(text: &str) -> Result<TaskState, sqlx::Error> {
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

impl Store {
    /// Does not wait for the database: the first query does.
    pub fn open(url: &str, connections: u32) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(3))
            .connect_lazy(url)?;
        Ok(Self { pool, retry: RetryPolicy::default() })
    }

    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(MIGRATIONS.run(&self.pool).await?)
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query_scalar!("SELECT 1 AS one").fetch_one(&self.pool).await?;
        Ok(())
    }

    pub async fn add(&self, task: &NewTask) -> Result<Task, StoreError> {
        if task.queue.is_empty() || task.step.is_empty() {
            return Err(StoreError::Nameless);
        }
        sqlx::query_as!(
            Row,
            "INSERT INTO tasks (id, queue, step, payload) VALUES ($1, $2, $3, $4)
             RETURNING id, queue, step, payload, state, attempts, worker, result, error,
                       run_after, created_at, updated_at",
            Uuid::now_v7(),
            task.queue,
            task.step,
            task.payload,
        )
        .fetch_one(&self.pool)
        .await?
        .try_into()
    }

    pub async fn get(&self, id: Uuid) -> Result<Task, StoreError> {
        sqlx::query_as!(
            Row,
            "SELECT id, queue, step, payload, state, attempts, worker, result, error,
                    run_after, created_at, updated_at
             FROM tasks WHERE id = $1",
            id,
        )
        .fetch_optional(&self.pool)
        .await?
        .ok_or(StoreError::NotFound(id))?
        .try_into()
    }

    pub async fn counts(&self) -> Result<Vec<QueueCount>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT queue, state, count(*) AS "tasks!" FROM tasks GROUP BY queue, state ORDER BY queue, state"#
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| Ok(QueueCount { queue: row.queue, state: parse_state(&row.state)?, tasks: row.tasks }))
            .collect()
    }

    /// The task of a queue that has waited longest, for this worker to run; `None` when there is nothing to do. Two
    /// workers never get the same one: a row that somebody else is claiming is skipped.
    pub async fn claim(&self, queue: &str, worker: &str) -> Result<Option<Task>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "UPDATE tasks
             SET state = 'running', worker = $2, attempts = attempts + 1, updated_at = now(),
                 run_after = now() + make_interval(secs => $3)
             WHERE id = (SELECT id FROM tasks
                         WHERE queue = $1 AND state IN ('pending', 'running') AND run_after <= now()
                         ORDER BY run_after, id LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING id, queue, step, payload, state, attempts, worker, result, error,
                       run_after, created_at, updated_at",
            queue,
            worker,
            LEASE.as_secs_f64(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Task::try_from).transpose()
    }

    pub async fn complete(&self, id: Uuid, worker: &str, result: &Value) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "UPDATE tasks SET state = 'done', result = $3, error = NULL, updated_at = now()
             WHERE id = $1 AND worker = $2 AND state = 'running'",
            id,
            worker,
            result,
        )
        .execute(&self.pool)
        .await?;
        self.held(id, worker, done.rows_affected()).await
    }

    /// A failed task waits for its next attempt, or has failed for good after the last one.
    pub async fn fail(&self, id: Uuid, worker: &str, error: &str) -> Result<(), StoreError> {
        let delay = self.retry.delay_after(self.get(id).await?.attempts);
        let state = if delay.is_some() { TaskState::Pending } else { TaskState::Failed };
        let done = sqlx::query!(
            "UPDATE tasks
             SET state = $3, error = $4, updated_at = now(), run_after = now() + make_interval(secs => $5)
             WHERE id = $1 AND worker = $2 AND state = 'running'",
            id,
            worker,
            state.as_str(),
            error,
            delay.unwrap_or_default().as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        self.held(id, worker, done.rows_affected()).await
    }

    /// An update that met no row: was there no such task, or did somebody else hold it?
    async fn held(&self, id: Uuid, worker: &str, rows: u64) -> Result<(), StoreError> {
        if rows > 0 {
            return Ok(());
        }
        self.get(id).await?;
        Err(StoreError::NotHeld { id, worker: worker.to_owned() })
    }
}
