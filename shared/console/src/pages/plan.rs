//! `/plan`: what an export of an upload would do, and what it would cost. It changes nothing.

use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use exporter::cost::Cost;
use exporter::report::RunReport;
use exporter::upload::Upload;

use super::open::not_found;
use crate::client::Failed;
use crate::form::Form;
use crate::plans::Plan;
use crate::view::outcomes::{Bar, Equation, equation};
use crate::view::parts::Note;
use crate::view::text::{count, harmless, sentence};
use crate::visit::{Frame, Visit, rendered, told};

/// How long a page waits for a result before it is shown without.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long the panel waits for it, before it asks again.
const LONG_PATIENCE: Duration = Duration::from_secs(20);

#[derive(Template)]
#[template(path = "plan.html")]
struct Page {
    frame: Frame,
    key: String,
    events: String,
    error: &'static str,
    panel: Option<Panel>,
}

/// The result, or that it isn't there yet.
#[derive(Template)]
#[template(path = "plan-panel.html")]
struct Panel {
    here: String,
    source: String,
    error: Option<Note>,
    result: Option<Shown>,
}

impl HtmlSafe for Panel {}

struct Shown {
    dollars: String,
    all_dollars: String,
    events: String,
    all_events: String,
    bar: Bar,
    equation: Equation,
    archived: String,
    reasons: Vec<String>,
    rows: Vec<Row>,
}

/// A Region of an account.
struct Row {
    account: String,
    region: String,
    cells: Vec<String>,
    dollars: String,
}

/// `GET /plan[?key]`
pub(crate) async fn ask(visit: Visit) -> Response {
    if visit.app.workbench.is_none() {
        return not_found(visit).await;
    }
    let key = harmless(visit.query.get("key"));
    rendered(StatusCode::OK, &page(&visit, key, "0".to_owned(), "", None))
}

fn page(visit: &Visit, key: String, events: String, error: &'static str, panel: Option<Panel>) -> Page {
    let shown = if key.is_empty() || !error.is_empty() { "s3://BUCKET/KEY" } else { key.as_str() };
    Page { frame: visit.frame("plan", "Plan", &format!("hubctl plan {shown}")), key, events, error, panel }
}

/// `POST /plan`: starts a plan, and shows it.
pub(crate) async fn start(visit: Visit, form: Form) -> Response {
    let Some(workbench) = visit.app.workbench.clone() else { return not_found(visit).await };
    let (key, events) = (form.get("key").to_owned(), form.get("events").to_owned());
    let object = key.strip_prefix("s3://").and_then(|address| address.split_once('/'));
    let object = object.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
    let Some((bucket, object)) = object else {
        let error = "Must be an object, as s3://BUCKET/KEY.";
        return rendered(StatusCode::UNPROCESSABLE_ENTITY, &page(&visit, harmless(&key), events, error, None));
    };
    let work = workbench.plan(Upload::new(bucket, object));
    let number = visit.app.plans.start(key.clone(), events.parse().unwrap_or(0), work);
    Redirect::to(&format!("/plan/{number}")).into_response()
}

/// `GET /plan/{n}`
pub(crate) async fn show(visit: Visit, Path(number): Path<u64>) -> Response {
    let Some(plan) = visit.app.plans.find(number) else { return not_found(visit).await };
    let panel = panel(&plan, number, PATIENCE).await;
    let page = page(&visit, harmless(&plan.source), plan.events_before.to_string(), "", Some(panel));
    rendered(StatusCode::OK, &page)
}

/// `GET /plan/{n}/result`: the result, as soon as it is there.
pub(crate) async fn result(visit: Visit, Path(number): Path<u64>) -> Response {
    match visit.app.plans.find(number) {
        Some(plan) => rendered(StatusCode::OK, &panel(&plan, number, LONG_PATIENCE).await),
        None => not_found(visit).await,
    }
}

async fn panel(plan: &Plan, number: u64, within: Duration) -> Panel {
    let panel = Panel { here: format!("/plan/{number}"), source: harmless(&plan.source), error: None, result: None };
    match plan.outcome(within).await.as_deref() {
        None => panel,
        Some(Ok(report)) => Panel { result: Some(view(report, plan.events_before)), ..panel },
        Some(Err(error)) => Panel { error: Some(told(&Failed::Unavailable(error.clone())).into()), ..panel },
    }
}

fn money(dollars: f64) -> String {
    format!("${dollars:.2}")
}

fn view(report: &RunReport, events_before: u64) -> Shown {
    let mut total = Cost::default();
    let mut rows = Vec::new();
    for (account, part) in &report.accounts {
        for (region, report) in &part.regions {
            let changes = report.changes;
            let events = changes.total() + report.archived;
            let cost = Cost::new(events, events + report.unchanged, events_before);
            total.add(cost);
            let numbers = [
                changes.new,
                changes.changed,
                changes.reactivated,
                changes.refresh_due,
                report.unchanged,
                report.archived,
                report.filtered,
                events,
            ];
            rows.push(Row {
                account: account.to_string(),
                region: region.to_string(),
                cells: numbers.map(count).into(),
                dollars: format!("${:.3}", cost.dollars),
            });
        }
    }
    let reasons = report.reasons.iter().map(|reason| sentence(&harmless(crate::view::run::reason(reason))));
    Shown {
        dollars: money(total.dollars),
        all_dollars: money(total.all_dollars),
        events: count(total.events),
        all_events: count(total.all_events),
        bar: Bar::wide(&report.counts),
        equation: equation(&report.counts),
        archived: count(report.counts.archived),
        reasons: reasons.collect(),
        rows,
    }
}
