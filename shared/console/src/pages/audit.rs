//! `/audit`: who changed what, and when.

use askama::Template;
use axum::response::Response;
use exporter::ports::settings_store::AuditEntry;
use jiff::Timestamp;
use serde_json::Value;

use crate::form::encoded;
use crate::view::text::{principal, time};
use crate::visit::{Frame, Visit};

/// Entries per page, which are also those that the filters apply to.
const ENTRIES_SHOWN: usize = 100;
/// Characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 120;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    q: String,
    by: String,
    choices: Vec<(&'static str, bool)>,
    rows: Vec<Row>,
    summary: String,
    is_filtered: bool,
    older: String,
    newest: String,
}

struct Row {
    at: String,
    by: String,
    arn: String,
    action: String,
    target: String,
    href: String,
    reason: String,
    changes: Vec<(String, String, String)>,
}

const KINDS: [&str; 4] = ["All", "Settings", "Credentials", "Jobs"];

/// Whether an action is of a kind.
fn has_kind(action: &str, kind: &str) -> bool {
    let is_credentials = action.contains("credentials");
    let is_settings = (action.starts_with("integration.") || action.starts_with("provider.")) && !is_credentials;
    match kind {
        "Settings" => is_settings,
        "Credentials" => is_credentials,
        "Jobs" => !is_settings && !is_credentials,
        _ => true,
    }
}

/// `GET /audit`
pub(crate) async fn list(visit: Visit) -> Response {
    let page = visit.app.client.page::<AuditEntry>("/audit", ENTRIES_SHOWN, visit.query.given("after")).await;
    visit.show(page.map(|list| {
        let (q, by, kind) = (visit.query.get("q"), visit.query.get("by").to_lowercase(), visit.query.get("what"));
        let matches = |entry: &&AuditEntry| {
            entry.target.contains(q) && entry.by.to_lowercase().contains(&by) && has_kind(&entry.action, kind)
        };
        let now = visit.now();
        let rows: Vec<Row> = list.items.iter().filter(matches).map(|entry| row(entry, now)).collect();
        Page {
            frame: visit.frame("audit", "Audit log", "hubctl audit"),
            q: q.to_owned(),
            by: visit.query.get("by").to_owned(),
            choices: KINDS.iter().map(|name| (*name, *name == kind)).collect(),
            summary: format!("{} of {} shown", rows.len(), list.items.len()),
            is_filtered: rows.len() < list.items.len(),
            rows,
            older: list.next.map(|next| visit.with("after", Some(&next))).unwrap_or_default(),
            newest: if visit.query.has("after") { visit.with("after", None) } else { String::new() },
        }
    }))
}

fn row(entry: &AuditEntry, now: Timestamp) -> Row {
    let is_run = entry.target.len() == 36;
    let is_provider = entry.target.len() == 12 || entry.target.starts_with("o-");
    let href = match (is_run, is_provider) {
        (true, _) => format!("/runs/{}", encoded(&entry.target)),
        (_, true) => format!("/integrations/{}", encoded(&entry.target)),
        _ => String::new(),
    };
    let changes = entry
        .changes
        .iter()
        .map(|(field, change)| (field.clone(), value(change.from.as_ref()), value(change.to.as_ref())));
    Row {
        at: time(entry.at, now),
        by: principal(&entry.by).to_owned(),
        arn: entry.by.clone(),
        action: entry.action.clone(),
        target: entry.target.clone(),
        href,
        reason: entry.reason.clone().unwrap_or_default(),
        changes: changes.collect(),
    }
}

/// A value for people.
fn value(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "not set".to_owned(),
        Some(Value::Bool(true)) => "on".to_owned(),
        Some(Value::Bool(false)) => "off".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if text.chars().count() <= VALUE_CHARS_MAX {
        text
    } else {
        text.chars().take(VALUE_CHARS_MAX).chain(['…']).collect()
    }
}
