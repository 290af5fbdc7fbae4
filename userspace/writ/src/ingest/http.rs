//! What is asked over HTTP, and answered.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::counters::{Counters, one};
use super::desk::Desk;
use super::now;
use super::places::Connection;

/// How long the octets of a request may take.
const BODY: Duration = Duration::from_secs(30);
/// Octets of all requests together that are held at a time, in KiB.
const HELD_KIB: usize = 65_536;
/// What of that one client may hold: whatever it does, there is something left for the others.
pub const SHARE_KIB: usize = HELD_KIB / 2;
/// How long it is waited for memory before the client is turned away.
const MEMORY: Duration = Duration::from_secs(5);
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

/// What is answered, and counted as what.
enum Answer {
    Kept(usize),
    /// Of so many items these were refused, by their places.
    Unknown(usize, Vec<usize>),
    NotKept,
    NoMemory,
    Slow,
    Malformed(String),
    Other(StatusCode, &'static str),
}

impl Answer {
    fn counter<'c>(&self, counters: &'c Counters) -> &'c std::sync::atomic::AtomicU64 {
        match self {
            Self::Kept(_) => &counters.kept,
            Self::Unknown(..) => &counters.unknown,
            Self::NotKept => &counters.not_kept,
            Self::NoMemory => &counters.no_memory,
            Self::Slow => &counters.slow,
            Self::Malformed(_) => &counters.malformed,
            Self::Other(..) => &counters.other,
        }
    }

    fn into_response(self) -> Response {
        let error = |status: StatusCode, words: &str| (status, said(json!({ "error": words }))).into_response();
        let again = |words: &str| {
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, AGAIN)], said(json!({ "error": words }))).into_response()
        };
        match self {
            Self::Kept(items) => (StatusCode::OK, said(json!({ "kept": items }))).into_response(),
            Self::Unknown(items, unknown) => {
                let refused = |item: &usize| json!({ "item": item, "error": UNKNOWN });
                let refused: Vec<Value> = unknown.iter().map(refused).collect();
                let kept = items.saturating_sub(unknown.len());
                (StatusCode::CONFLICT, said(json!({ "error": UNKNOWN, "kept": kept, "refused": refused })))
                    .into_response()
            }
            Self::NotKept => again("not kept: say it again"),
            Self::NoMemory => again("too many requests at a time: say it again"),
            Self::Slow => error(StatusCode::REQUEST_TIMEOUT, "expected the whole request within 30 s"),
            Self::Malformed(error_text) => error(StatusCode::BAD_REQUEST, &error_text),
            Self::Other(status, words) => error(status, words),
        }
    }
}

/// Of a piece: none of it says whose the event would be.
const UNKNOWN: &str = "of: expected an event that was said, and of which something was heard within ingest.idle_time: say it, \
                       with \"again\": true if it was said before, and then this";

async fn events(
    State((desk, limits)): State<(Arc<Desk>, Limits)>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
) -> Response {
    let since = Instant::now();
    let counters = desk.counters();
    let _asking = connection.asks();
    let answer = answered(Arc::clone(&desk), &limits, &connection, request).await.unwrap_or_else(|answer| answer);
    one(answer.counter(&counters));
    if matches!(answer, Answer::Kept(_) | Answer::Unknown(..) | Answer::NotKept) {
        let beats = since.elapsed().as_nanos() / BEAT.as_nanos() + 1;
        sleep_until(since + BEAT * u32::try_from(beats).unwrap_or(1)).await;
    }
    answer.into_response()
}

/// Takes what a request brings.
async fn answered(
    desk: Arc<Desk>,
    limits: &Limits,
    connection: &Connection,
    request: Request,
) -> Result<Answer, Answer> {
    if !is_json(request.headers()) {
        return Err(Answer::Other(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected content-type: application/json"));
    }
    if declared(request.headers()).is_some_and(|length| length > limits.longest) {
        return Err(TOO_LARGE);
    }
    let mut held = Vec::new();
    let body = octets(limits, connection, request.into_body(), &mut held).await?;
    let items = writ_messaging::read(&body).map_err(|malformed| Answer::Malformed(malformed.to_string()))?;
    drop(body);
    let count = items.len();
    // In a task of its own: a client that goes away leaves nothing half done.
    match tokio::spawn(desk.take(items, now())).await {
        Ok(Ok(unknown)) if unknown.is_empty() => Ok(Answer::Kept(count)),
        Ok(Ok(unknown)) => Ok(Answer::Unknown(count, unknown)),
        Ok(Err(_)) | Err(_) => Err(Answer::NotKept),
    }
}

/// The octets of a request. Memory is taken as they come, and not for what was announced: who announces much and sends little holds
/// little.
async fn octets(
    limits: &Limits,
    connection: &Connection,
    mut body: Body,
    held: &mut Vec<OwnedSemaphorePermit>,
) -> Result<Vec<u8>, Answer> {
    let deadline = Instant::now() + BODY;
    let (mut octets, mut paid) = (Vec::new(), 0);
    loop {
        let frame = timeout_at(deadline, poll_fn(|context| Pin::new(&mut body).poll_frame(context))).await;
        let frame = match frame.map_err(|_| Answer::Slow)? {
            None => return Ok(octets),
            Some(frame) => frame.map_err(|_| Answer::Other(StatusCode::BAD_REQUEST, "expected the whole request"))?,
        };
        // Trailers say nothing here.
        let more = frame.into_data().unwrap_or_else(|_| Bytes::new());
        if octets.len() + more.len() > limits.longest {
            return Err(TOO_LARGE);
        }
        let due = (octets.len() + more.len()).div_ceil(1024);
        if due > paid {
            let kib = u32::try_from(due - paid).unwrap_or(u32::MAX);
            let (own, all) = (Arc::clone(&connection.share), Arc::clone(&limits.held));
            let both =
                async { Some((own.acquire_many_owned(kib).await.ok()?, all.acquire_many_owned(kib).await.ok()?)) };
            let (own, all) = timeout(MEMORY, both).await.ok().flatten().ok_or(Answer::NoMemory)?;
            held.extend([own, all]);
            paid = due;
        }
        octets.extend_from_slice(&more);
    }
}

const TOO_LARGE: Answer =
    Answer::Other(StatusCode::PAYLOAD_TOO_LARGE, "expected a whole request of at most ingest.max_body octets");

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
