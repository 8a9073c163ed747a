//! Access control: only the browser that opened the one-time link has access, and only from the console's own pages.
//!
//! The adversaries are any web page in the operator's browser, any other user of the
//! machine, and anyone who can choose the names of resources. The layers run in this order:
//! response headers, Host, concurrency limit, fetch metadata, cross-origin changes, session.

mod fetch;
mod headers;
mod host;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tower_http::csrf::CsrfLayer;

pub use self::session::Gate;
pub(crate) use self::session::Opened;

/// Maximum number of concurrent requests. A browser opens up to six connections per host, and a page has a few panels.
const REQUESTS_MAX: usize = 32;
/// Paths that don't require a session.
const OPEN: [&str; 2] = ["/open", "/assets/"];

/// Creates the response to an unauthorized browser.
pub(crate) type Unauthorized = Arc<dyn Fn() -> Response + Send + Sync>;

struct Guard {
    gate: Arc<Gate>,
    unauthorized: Unauthorized,
    is_read_only: bool,
    slots: Semaphore,
}

/// Protects all routes of a router.
pub(crate) fn protect(router: Router, gate: &Arc<Gate>, unauthorized: Unauthorized, is_read_only: bool) -> Router {
    let slots = Semaphore::new(REQUESTS_MAX);
    let guard = Arc::new(Guard { gate: gate.clone(), unauthorized, is_read_only, slots });
    let csrf = host::names(gate.port())
        .into_iter()
        .try_fold(CsrfLayer::new(), |layer, name| layer.add_trusted_origin(format!("http://{name}")));
    // Both addresses of the console are trusted origins. If they can't be added, the layer compares Origin with Host, which
    // `check_host` has already restricted to these addresses.
    let csrf = csrf.unwrap_or_default();
    router
        .layer(from_fn_with_state(guard.clone(), check_session))
        .layer(csrf)
        .layer(from_fn_with_state(guard.clone(), check_fetch))
        .layer(from_fn_with_state(guard.clone(), limit))
        .layer(from_fn_with_state(guard, check_host))
        .layer(from_fn(headers::set))
}

async fn check_host(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if host::is_own(request.headers(), request.uri(), guard.gate.port()) {
        next.run(request).await
    } else {
        StatusCode::MISDIRECTED_REQUEST.into_response()
    }
}

async fn limit(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    // The semaphore is never closed.
    let _slot = guard.slots.acquire().await;
    next.run(request).await
}

async fn check_fetch(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match fetch::judge(request.method(), request.headers()) {
        fetch::Verdict::Own => next.run(request).await,
        fetch::Verdict::Navigation => (guard.unauthorized)(),
        fetch::Verdict::Foreign => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn check_session(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_open = OPEN.iter().any(|open| path == *open || (open.ends_with('/') && path.starts_with(open)));
    if !is_open && !guard.gate.is_session(request.headers()) {
        return (guard.unauthorized)();
    }
    guard.gate.note_request();
    if guard.is_read_only && !is_safe(request.method()) {
        return (StatusCode::FORBIDDEN, "This console was started with --read-only.").into_response();
    }
    next.run(request).await
}

/// Whether a method doesn't change anything.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
