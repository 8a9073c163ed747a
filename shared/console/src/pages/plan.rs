//! `/plan`: what an export of an upload would do, and what it would cost. It changes nothing.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use exporter::cost::Cost;
use exporter::plan::PlanReport;
use management::wire::{JobView, PlanBody};

use super::open::not_found;
use super::reported::{LONG_PATIENCE, PATIENCE, failure, wait};
use crate::client::Request;
use crate::form::{Form, encoded};
use crate::view::outcomes::{Bar, Equation, equation};
use crate::view::parts::Note;
use crate::view::settings::secret_body;
use crate::view::text::{count, harmless, sentence};
use crate::visit::{Frame, Visit, rendered};

/// The type of its jobs.
const JOB: &str = "plan";

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
    query: String,
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
    let key = harmless(visit.query.get("key"));
    rendered(StatusCode::OK, &page(&visit, key, "0".to_owned(), "", None))
}

fn page(visit: &Visit, key: String, events: String, error: &'static str, panel: Option<Panel>) -> Page {
    let shown = if key.is_empty() || !error.is_empty() { "s3://BUCKET/KEY" } else { key.as_str() };
    Page { frame: visit.frame("plan", "Plan", &format!("hubctl plan {shown}")), key, events, error, panel }
}

/// `POST /plan`: submits a plan, and shows it.
pub(crate) async fn start(visit: Visit, form: Form) -> Response {
    let (key, events) = (form.get("key").to_owned(), form.get("events").to_owned());
    let body = secret_body(&PlanBody { source: key.clone() });
    match visit.app.client.send::<JobView>(Request::post("/plan").json(body)).await {
        Ok(job) => {
            let events = events.parse::<u64>().unwrap_or_default();
            Redirect::to(&format!("/plan/{}?events={events}", encoded(&job.value.id))).into_response()
        }
        Err(failed) if !failed.errors().is_empty() => {
            let error = "Must be an object, as s3://BUCKET/KEY.";
            rendered(StatusCode::UNPROCESSABLE_ENTITY, &page(&visit, harmless(&key), events, error, None))
        }
        Err(failed) => visit.problem(&failed),
    }
}

/// `GET /plan/{id}[?events]`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    match wait(&visit, &id, JOB, PATIENCE).await {
        Ok(Some(job)) => {
            let source = job.target.clone().unwrap_or_default();
            let panel = panel(&visit, &job);
            rendered(StatusCode::OK, &page(&visit, source, events(&visit).to_string(), "", Some(panel)))
        }
        Ok(None) => not_found(visit).await,
        Err(failed) => visit.problem(&failed),
    }
}

/// `GET /plan/{id}/result[?events]`: the result, as soon as it is there.
pub(crate) async fn result(visit: Visit, Path(id): Path<String>) -> Response {
    match wait(&visit, &id, JOB, LONG_PATIENCE).await {
        Ok(Some(job)) => rendered(StatusCode::OK, &panel(&visit, &job)),
        Ok(None) => not_found(visit).await,
        Err(failed) => visit.problem(&failed),
    }
}

/// Ingestion events of the month so far.
fn events(visit: &Visit) -> u64 {
    visit.query.get("events").parse().unwrap_or_default()
}

fn panel(visit: &Visit, job: &JobView) -> Panel {
    let events = events(visit);
    Panel {
        here: format!("/plan/{}", job.id),
        query: format!("?events={events}"),
        source: job.target.clone().unwrap_or_default(),
        error: failure(job),
        result: job.plan.as_ref().map(|plan| view(plan, events)),
    }
}

fn money(dollars: f64) -> String {
    format!("${dollars:.2}")
}

fn view(plan: &PlanReport, events_before: u64) -> Shown {
    let report = &plan.run;
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
    let disabled = plan.disabled.iter().map(|(account, integration)| {
        format!(
            "The integration of account {account} is disabled. The plan is made as if it were enabled: hubctl integration enable \
             {integration} --replay"
        )
    });
    let reasons = report.reasons.iter().map(|reason| sentence(&harmless(crate::view::run::reason(reason))));
    Shown {
        dollars: money(total.dollars),
        all_dollars: money(total.all_dollars),
        events: count(total.events),
        all_events: count(total.all_events),
        bar: Bar::wide(&report.counts),
        equation: equation(&report.counts),
        archived: count(report.counts.archived),
        reasons: disabled.chain(reasons).collect(),
        rows,
    }
}
