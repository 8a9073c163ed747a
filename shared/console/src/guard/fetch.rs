//! Fetch metadata: whether a browser loads the console from its own pages. A page on another port of 127.0.0.1 is same-site,
//! so that a strict cookie is sent with its requests; only `Sec-Fetch-Site` distinguishes it.

use axum::http::{HeaderMap, Method};

/// Origin of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// From the console's own pages, or typed, or opened from outside a browser.
    Own,
    /// A link of another page, in a tab of its own.
    Navigation,
    /// Another page that loads the console, or a change of unknown origin.
    Foreign,
}

/// Judges a request by its fetch metadata.
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
