//! Fetch metadata: whether a request comes from the console's own pages. A page on another port of 127.0.0.1 is same-site, so
//! that even a strict cookie is sent with its requests. Only `Sec-Fetch-Site` distinguishes such a page.

use axum::http::{HeaderMap, Method};

/// Origin of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request comes from the console's own pages, from the address bar, or from outside a browser.
    Own,
    /// Another page links to the console, and the link was opened as a top-level document.
    Navigation,
    /// Another page loads the console, or the origin of a change is unknown.
    Foreign,
}

/// Determines the origin of a request from its fetch metadata.
pub(super) fn judge(method: &Method, headers: &HeaderMap) -> Verdict {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("malformed"));
    match text("sec-fetch-site") {
        Some("same-origin" | "none") => Verdict::Own,
        Some(_) if is_top_level(text("sec-fetch-mode"), text("sec-fetch-dest")) && *method == Method::GET => {
            Verdict::Navigation
        }
        Some(_) => Verdict::Foreign,
        None if super::is_safe(method) => Verdict::Own,
        None => Verdict::Foreign,
    }
}

fn is_top_level(mode: Option<&str>, destination: Option<&str>) -> bool {
    mode == Some("navigate") && destination == Some("document")
}
