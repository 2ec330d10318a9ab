use crate::SERVICE;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tasker_core::{NewTask, Task};
use tasker_shared::store::QueueCount;
use tasker_shared::{Health, Store, StoreError};
use uuid::Uuid;

pub fn router(store: Store) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/queues", get(queues))
        .route("/queues/{queue}/claim", post(claim))
        .route("/tasks", post(add))
        .route("/tasks/{id}", get(one))
        .route("/tasks/{id}/complete", post(complete))
        .route("/tasks/{id}/fail", post(fail))
        .with_state(store)
}

struct Refusal(StoreError);

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = match self.0 {
            StoreError::NotFound(_) => StatusCode::NOT_FOUND,
            StoreError::NotHeld { .. } => StatusCode::CONFLICT,
            StoreError::Nameless => StatusCode::UNPROCESSABLE_ENTITY,
            StoreError::Database(_) | StoreError::Migration(_) => {
                tracing::error!(error = %self.0, "a request failed");
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        (code, Json(json!({ "error": self.0.to_string() }))).into_response()
    }
}

type Answer<T> = Result<T, Refusal>;

async fn health(State(store): State<Store>) -> Health {
    Health::of(SERVICE, &store).await
}

async fn queues(State(store): State<Store>) -> Answer<Json<Vec<QueueCount>>> {
    Ok(Json(store.counts().await?))
}

async fn add(State(store): State<Store>, Json(task): Json<NewTask>) -> Answer<(StatusCode, Json<Task>)> {
    Ok((StatusCode::CREATED, Json(store.add(&task).await?)))
}

async fn one(State(store): State<Store>, Path(id): Path<Uuid>) -> Answer<Json<Task>> {
    Ok(Json(store.get(id).await?))
}

#[derive(Deserialize)]
struct Claim {
    worker: String,
}

async fn claim(
    State(store): State<Store>,
    Path(queue): Path<String>,
    Json(Claim { worker }): Json<Claim>,
) -> Answer<Response> {
    Ok(match store.claim(&queue, &worker).await? {
        Some(task) => Json(task).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

#[derive(Deserialize)]
struct Completion {
    worker: String,
    result: Value,
}

async fn complete(
    State(store): State<Store>,
    Path(id): Path<Uuid>,
    Json(Completion { worker, result }): Json<Completion>,
) -> Answer<StatusCode> {
    store.complete(id, &worker, &result).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Failure {
    worker: String,
    error: String,
}

async fn fail(
    State(store): State<Store>,
    Path(id): Path<Uuid>,
    Json(Failure { worker, error }): Json<Failure>,
) -> Answer<StatusCode> {
    store.fail(id, &worker, &error).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    /// Nobody listens there: what needs the database says so, the rest is answered without it.
    fn without_database() -> Router {
        router(Store::open("postgres://nobody@127.0.0.1:1/none", 1).unwrap())
    }

    async fn answer(request: Request<Body>) -> (StatusCode, Vec<u8>) {
        let answer = without_database().oneshot(request).await.unwrap();
        (answer.status(), answer.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    #[tokio::test]
    async fn health_without_a_database_is_degraded() {
        let (code, body) = answer(Request::get("/health").body(Body::empty()).unwrap()).await;
        let health: Health = serde_json::from_slice(&body).unwrap();
        assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(health.service, "orchestration");
        assert_ne!(health.database, "ok");
    }

    #[tokio::test]
    async fn what_makes_no_sense_does_not_reach_the_database() {
        let table = [
            ("/tasks/not-an-id", "", StatusCode::BAD_REQUEST),
            ("/tasks", r#"{"queue": "rust"}"#, StatusCode::UNPROCESSABLE_ENTITY),
            ("/tasks", r#"{"queue": "", "step": "summary"}"#, StatusCode::UNPROCESSABLE_ENTITY),
            ("/tasks", "{", StatusCode::BAD_REQUEST),
            ("/nowhere", "", StatusCode::NOT_FOUND),
        ];
        for (path, body, expected) in table {
            let request = match body {
                "" => Request::get(path),
                _ => Request::post(path).header("content-type", "application/json"),
            };
            let (code, _) = answer(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(code, expected, "{path} {body}");
        }
    }
}
