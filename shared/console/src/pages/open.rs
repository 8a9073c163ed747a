//! The one-time link, and the response to unauthorized browsers.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::app::App;
use crate::assets;
use crate::form::Form;
use crate::guard::Opened;
use crate::messages::Message;
use crate::visit::{Visit, rendered};

#[derive(Template)]
#[template(path = "unauthorized.html")]
struct Unauthorized {
    css: String,
}

/// `GET /open?key=`
pub(crate) async fn open(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Response {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    match app.gate.open(query.get("key"), &headers) {
        Opened::Now(cookie) => match HeaderValue::from_str(&cookie) {
            Ok(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        Opened::Already => Redirect::to("/").into_response(),
        Opened::Reused => {
            (app.settings.report)("A used link was opened again. If it wasn't you, stop the console with Ctrl-C.");
            unauthorized()
        }
        Opened::Invalid => unauthorized(),
    }
}

/// The page for browsers that aren't authorized.
pub(crate) fn unauthorized() -> Response {
    rendered(StatusCode::FORBIDDEN, &Unauthorized { css: assets::address("console.css") })
}

/// `GET /`
pub(crate) async fn home() -> Redirect {
    Redirect::to("/integrations")
}

/// Any other address.
pub(crate) async fn not_found(visit: Visit) -> Response {
    let message =
        Message::new("bad", "Page not found.").text("The address doesn't exist, or it is of another version.");
    visit.message_page(StatusCode::NOT_FOUND, "Page not found", message)
}
