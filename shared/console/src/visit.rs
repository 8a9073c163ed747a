//! A request for a page: its path, its query, and the frame around its content.

use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::Timestamp;

use crate::app::App;
use crate::assets;
use crate::client::Failed;
use crate::counts::Counted;
use crate::form::Form;
use crate::messages::Message;
use crate::view::failure::failure_message;
use crate::view::parts::Note;
use crate::view::text::{count, principal};

/// The pages of the console: ID, name, address.
const TABS: [(&str, &str, &str); 9] = [
    ("integrations", "Integrations", "/integrations"),
    ("runs", "Runs", "/runs"),
    ("quarantine", "Quarantine", "/quarantine"),
    ("accounts", "Accounts", "/accounts"),
    ("doctor", "Doctor", "/doctor"),
    ("plan", "Plan", "/plan"),
    ("jobs", "Jobs", "/jobs"),
    ("explain", "Explain", "/explain"),
    ("audit", "Audit log", "/audit"),
];
/// Themes, and what their links are called.
const THEMES: [(&str, &str); 3] = [("Light", "light"), ("Dark", "dark"), ("System theme", "auto")];
const THEME_COOKIE: &str = "hubctl-console-theme";

/// A request for a page.
pub(crate) struct Visit {
    pub(crate) app: Arc<App>,
    pub(crate) query: Form,
    path: String,
    theme: Option<&'static str>,
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        // One slash: an address that begins with two is of another host.
        let path = format!("/{}", parts.uri.path().trim_start_matches(['/', '\\']));
        if let Some((_, theme)) = THEMES.iter().find(|(_, theme)| *theme == query.get("theme")) {
            let cookie = format!("{THEME_COOKIE}={theme}; SameSite=Strict; Path=/; Max-Age=31536000");
            let cookie = HeaderValue::from_str(&cookie).map_err(|_| StatusCode::BAD_REQUEST.into_response())?;
            return Err(([(header::SET_COOKIE, cookie)], Redirect::to(&path)).into_response());
        }
        let cookies = parts.headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
        let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let chosen = pairs.filter(|(name, _)| *name == THEME_COOKIE).map(|(_, theme)| theme).next();
        let theme = THEMES.iter().map(|(_, theme)| *theme).find(|theme| chosen == Some(theme) && *theme != "auto");
        Ok(Self { app: app.clone(), query, path, theme })
    }
}

/// A tab.
pub(crate) struct Tab {
    pub(crate) name: &'static str,
    pub(crate) href: &'static str,
    pub(crate) is_current: bool,
    /// What on its page needs attention: the count, and what it is of.
    pub(crate) badge: Option<(String, String)>,
}

/// What surrounds each page.
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) name: String,
    pub(crate) stack: String,
    pub(crate) region: String,
    pub(crate) arn: String,
    pub(crate) identity: String,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) theme: Option<&'static str>,
    pub(crate) themes: Vec<(&'static str, String)>,
    pub(crate) css: String,
    pub(crate) scripts: Vec<String>,
    pub(crate) note: Option<Note>,
    pub(crate) cli: String,
    pub(crate) as_of: String,
    pub(crate) here: String,
    pub(crate) version: String,
    pub(crate) is_read_only: bool,
    pub(crate) search: &'static str,
}

impl Frame {
    /// The frame of a page whose data were read at a time, maybe for another page. Its link *Refresh* reads them again.
    pub(crate) fn read_at(self, visit: &Visit, at: Timestamp) -> Self {
        Self { as_of: hour(at), here: visit.with("fresh", Some("1")), ..self }
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    note: Note,
    errors: Vec<(String, String)>,
}

impl Visit {
    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.app.settings.now)()
    }

    /// Whether the page may show buttons that make changes.
    pub(crate) fn may_change(&self) -> bool {
        !self.app.settings.is_read_only
    }

    /// The frame of a page: its tab, its title, and the command of hubctl that shows or does the same.
    pub(crate) fn frame(&self, tab: &str, title: impl Into<String>, cli: &str) -> Frame {
        let settings = &self.app.settings;
        let title = title.into();
        let note = self.app.messages.find(self.query.get("said")).map(Note::from);
        let tabs =
            TABS.into_iter().map(|(id, name, href)| Tab { name, href, is_current: id == tab, badge: self.badge(id) });
        let scripts = ["htmx.min.js", "hx-sse.min.js", "console.js"].map(assets::address);
        let name = settings.name.clone().unwrap_or_default();
        Frame {
            title: if name.is_empty() { title } else { format!("{name}: {title}") },
            name,
            stack: settings.stack.clone(),
            region: settings.region.clone(),
            arn: settings.identity.clone(),
            identity: principal(&settings.identity).to_owned(),
            tabs: tabs.collect(),
            theme: self.theme,
            themes: THEMES.iter().map(|(name, theme)| (*name, format!("{}?theme={theme}", self.path))).collect(),
            css: assets::address("console.css"),
            scripts: scripts.into(),
            note,
            cli: if cli.is_empty() { String::new() } else { format!("{cli}{}", settings.options) },
            as_of: hour(self.now()),
            here: self.here(),
            version: settings.version.clone(),
            is_read_only: settings.is_read_only,
            search: "Account, run, finding ID, s3:// …",
        }
    }

    fn badge(&self, tab: &str) -> Option<(String, String)> {
        let (what, one, many) = match tab {
            "runs" => (Counted::PendingArchives, "archive pending approval", "archives pending approval"),
            "quarantine" => (Counted::QuarantinedFindings, "finding", "findings"),
            "doctor" => (Counted::Fixes, "fix", "fixes"),
            _ => return None,
        };
        let (number, at) = self.app.counts.get(what, self.now())?;
        let noun = if number == 1 { one } else { many };
        Some((count(number), format!("{noun}, as of {} UTC", hour(at))))
    }

    /// This page's address without the message.
    fn here(&self) -> String {
        let fields = self.query.fields().filter(|(name, _)| *name != "said");
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }

    /// This page's address with a parameter, or without it. What applies to one request only is left out.
    pub(crate) fn with(&self, name: &str, value: Option<&str>) -> String {
        self.with_all(&[(name, value)])
    }

    /// This page's address with some parameters, or without them.
    pub(crate) fn with_all(&self, changes: &[(&str, Option<&str>)]) -> String {
        let lasts = |key: &str| !["fresh", "said"].contains(&key) && changes.iter().all(|(name, _)| *name != key);
        let fields = self.query.fields().filter(|(key, text)| lasts(key) && !text.is_empty());
        let fields = fields.chain(changes.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }

    /// The response: a page, or the problem in its place.
    pub(crate) fn show(&self, page: Result<impl Template, Failed>) -> Response {
        match page {
            Ok(page) => rendered(StatusCode::OK, &page),
            Err(failed) => self.problem(&failed),
        }
    }

    /// A page for a failure.
    pub(crate) fn problem(&self, failed: &Failed) -> Response {
        let message = failure_message(failed);
        let errors = failed.errors().iter().map(|error| (error.field.clone(), error.message.clone())).collect();
        let page = ProblemPage { frame: self.frame("", message.title.clone(), ""), note: message.into(), errors };
        rendered(failed.status(), &page)
    }

    /// A page that consists of a message.
    pub(crate) fn message_page(&self, status: StatusCode, title: &str, message: Message) -> Response {
        let page = ProblemPage { frame: self.frame("", title, ""), note: message.into(), errors: Vec::new() };
        rendered(status, &page)
    }

    /// The page that follows a change, with the result at its top.
    pub(crate) fn after(&self, path: &str, message: Message) -> Response {
        let number = self.app.messages.keep(message);
        let mark = if path.contains('?') { '&' } else { '?' };
        Redirect::to(&format!("{path}{mark}said={number}")).into_response()
    }

    /// The page that follows a change, or the failure at its top.
    pub(crate) fn after_result(&self, path: &str, result: Result<Message, Failed>) -> Response {
        match result {
            Ok(message) => self.after(path, message),
            Err(failed) => self.after(path, failure_message(&failed)),
        }
    }
}

fn hour(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// A page as a response.
pub(crate) fn rendered(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "failed to render a page");
            (StatusCode::INTERNAL_SERVER_ERROR, "failed to render the page").into_response()
        }
    }
}
