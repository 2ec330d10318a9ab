use axum::Router;
use axum::http::StatusCode;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

const LONGEST_REQUEST: Duration = Duration::from_secs(15);

/// Serves until the token is cancelled, and then what has been begun.
pub async fn serve(router: Router, address: SocketAddr, end: CancellationToken) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, with_layers(router)).with_graceful_shutdown(end.cancelled_owned()).await?;
    Ok(())
}

fn with_layers(router: Router) -> Router {
    router
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LONGEST_REQUEST))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;

    #[tokio::test]
    async fn every_answer_carries_a_request_id() {
        let router = with_layers(Router::new().route("/", get(|| async { "hello" })));
        for (given, expected_len) in [(None, 36), (Some("mine"), 4)] {
            let mut request = Request::get("/");
            if let Some(id) = given {
                request = request.header("x-request-id", id);
            }
            let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.headers()["x-request-id"].len(), expected_len);
        }
    }
}
