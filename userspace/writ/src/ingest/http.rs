//! What is asked over HTTP, and answered.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

use super::counters::one;
use super::desk::Desk;
use super::now;

/// How long the octets of a request may take.
const BODY: Duration = Duration::from_secs(30);
/// Octets of all requests together that are held at a time, in KiB.
const HELD_KIB: usize = 65_536;
/// Answers go at whole beats after their request: how long one takes tells nobody whether there was something to be put on disk.
const BEAT: Duration = Duration::from_millis(100);
/// When a client that was turned away should come again, in seconds.
const AGAIN: &str = "5";

/// Octets of a request.
#[derive(Clone)]
struct Limits {
    longest: usize,
    held: Arc<Semaphore>,
}

/// Where everything is.
pub fn router(desk: Arc<Desk>, longest: usize) -> Router {
    let limits = Limits { longest, held: Arc::new(Semaphore::new(HELD_KIB)) };
    Router::new()
        .route("/v1/events", post(events))
        .route("/v1/openapi.json", get(|| async { ([(CONTENT_TYPE, "application/json")], writ_messaging::OPENAPI) }))
        .with_state((desk, limits))
}

async fn events(State((desk, limits)): State<(Arc<Desk>, Limits)>, request: Request) -> Response {
    let since = Instant::now();
    let counters = desk.counters();
    let (counter, answer) = match answered(Arc::clone(&desk), &limits, request).await {
        Ok(items) => (&counters.kept, (StatusCode::OK, said(json!({ "kept": items }))).into_response()),
        Err((StatusCode::SERVICE_UNAVAILABLE, error)) => {
            let answer = (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, AGAIN)], said(json!({ "error": error })));
            (&counters.not_kept, answer.into_response())
        }
        Err((status, error)) => {
            let counter = if status == StatusCode::BAD_REQUEST { &counters.malformed } else { &counters.other };
            (counter, (status, said(json!({ "error": error }))).into_response())
        }
    };
    one(counter);
    if answer.status().is_success() {
        let beats = since.elapsed().as_nanos() / BEAT.as_nanos() + 1;
        sleep_until(since + BEAT * u32::try_from(beats).unwrap_or(1)).await;
    }
    answer
}

/// Takes what a request brings; how many items, or why not.
async fn answered(desk: Arc<Desk>, limits: &Limits, request: Request) -> Result<usize, (StatusCode, String)> {
    let wrong = |status, words: &str| Err((status, words.to_owned()));
    if !is_json(request.headers()) {
        return wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected content-type: application/json");
    }
    let length = match declared(request.headers()) {
        Some(length) if length > limits.longest => return wrong(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE),
        Some(length) => length,
        None => limits.longest,
    };
    let kib = u32::try_from(length / 1024 + 1).unwrap_or(u32::MAX).min(HELD_KIB as u32);
    let read = async {
        // It is open as long as the router is.
        let held = limits.held.acquire_many(kib).await.ok();
        (held, to_bytes(Body::new(request.into_body()), limits.longest).await)
    };
    let Ok((_held, body)) = timeout(BODY, read).await else {
        return wrong(StatusCode::REQUEST_TIMEOUT, "expected the whole request within 30 s");
    };
    let Ok(body) = body else { return wrong(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE) };
    let items = writ_messaging::read(&body).map_err(|malformed| (StatusCode::BAD_REQUEST, malformed.to_string()))?;
    drop(body);
    let count = items.len();
    // In a task of its own: a client that goes away leaves nothing half done.
    match tokio::spawn(desk.take(items, now())).await {
        Ok(Ok(())) => Ok(count),
        Ok(Err(_)) | Err(_) => wrong(StatusCode::SERVICE_UNAVAILABLE, "not kept: say it again"),
    }
}

const TOO_LARGE: &str = "expected a whole request of at most ingest.max_body octets";

fn is_json(headers: &HeaderMap) -> bool {
    let essence =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn said(value: Value) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "application/json")], format!("{value}\n"))
}
