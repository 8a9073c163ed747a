//! `/plan`: what an export of a file or an object would do, and what it would cost. It changes nothing.

use std::sync::Arc;

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use exporter::export::plan::PlanReport;
use exporter::ports::Scan;
use management::wire::{JobView, PlanBody};

use super::open::not_found;
use super::reported::{LONG_PATIENCE, PATIENCE, failure, wait};
use crate::client::{Failed, Request};
use crate::fingerprint::Fingerprint;
use crate::form::encoded;
use crate::messages::Message;
use crate::plans::FilePlan;
use crate::ports::Unavailable;
use crate::upload::{Rejection, Upload};
use crate::view::failure::unavailable_message;
use crate::view::parts::Note;
use crate::view::plan::{Planned, is_exportable, planned};
use crate::view::settings::secret_body;
use crate::view::text::harmless;
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
    has_workbench: bool,
}

/// The result, or that it isn't there yet.
#[derive(Template)]
#[template(path = "plan-panel.html")]
struct Panel {
    here: String,
    query: String,
    source: String,
    error: Option<Note>,
    result: Option<Planned>,
    can_export: bool,
}

impl HtmlSafe for Panel {}

/// A plan that was made.
pub(super) struct Made {
    pub(super) plan: PlanReport,
    /// The object, or the name of the file.
    pub(super) source: String,
    /// None: an object of S3.
    pub(super) file: Option<Arc<FilePlan>>,
}

/// `GET /plan[?key]`
pub(crate) async fn ask(visit: Visit) -> Response {
    let key = harmless(visit.query.get("key"));
    rendered(StatusCode::OK, &page(&visit, key, "0".to_owned(), "", None))
}

fn page(visit: &Visit, key: String, events: String, error: &'static str, panel: Option<Panel>) -> Page {
    let is_object = key.starts_with("s3://") && error.is_empty();
    let shown = if is_object { key.as_str() } else { "FILE" };
    let command = format!("hubctl plan {shown}");
    let has_workbench = visit.app.workbench.is_some();
    Page { frame: visit.frame("plan", "Plan", &command), key, events, error, panel, has_workbench }
}

/// The page for a form that could not be received.
pub(super) fn not_received(visit: &Visit, (status, text): Rejection) -> Response {
    let message = Message::new("bad", "The form could not be received.").text(text);
    visit.message_page(status, "The form could not be received", message)
}

/// `POST /plan`: plans a file while it arrives, or submits the plan of an object, and shows it.
pub(crate) async fn start(visit: Visit, upload: Upload) -> Response {
    let received = upload.receive(async |scan| plan_file(&visit, scan).await).await;
    let (form, file) = match received {
        Ok(received) => received,
        Err(rejection) => return not_received(&visit, rejection),
    };
    let (key, events) = (form.get("key").to_owned(), form.get("events").to_owned());
    let query = format!("?events={}", events.parse::<u64>().unwrap_or_default());
    let wrong = |error| rendered(StatusCode::UNPROCESSABLE_ENTITY, &page(&visit, harmless(&key), events, error, None));
    match file {
        Some(_) if !key.is_empty() => return wrong("Choose a file or enter an object, not both."),
        Some(Ok(file)) => {
            let number = visit.app.plans.keep(Arc::new(file));
            return Redirect::to(&format!("/plan/{number}{query}")).into_response();
        }
        Some(Err(error)) => {
            let message = unavailable_message("The file could not be planned.", &error);
            return visit.message_page(StatusCode::BAD_GATEWAY, "The file could not be planned", message);
        }
        None => {}
    }
    let body = secret_body(&PlanBody { source: key.clone() });
    match visit.app.client.send::<JobView>(Request::post("/plan").json(body)).await {
        Ok(job) => Redirect::to(&format!("/plan/{}{query}", encoded(&job.value.id))).into_response(),
        Err(failed) if !failed.errors().is_empty() => wrong("Choose a file, or enter an object as s3://BUCKET/KEY."),
        Err(failed) => visit.problem(&failed),
    }
}

async fn plan_file(visit: &Visit, scan: Scan) -> Result<FilePlan, Unavailable> {
    let workbench = visit.app.workbench.as_ref().ok_or_else(|| Unavailable {
        is_denied: false,
        message: "this console has no commands of hubctl".to_owned(),
        remediation: None,
    })?;
    let (body, taken) = Fingerprint::take(scan.body);
    let name = scan.info.source.clone();
    let plan = workbench.plan(Scan { body, ..scan }).await?;
    Ok(FilePlan { name, fingerprint: taken.fingerprint(), plan })
}

/// `GET /plan/{id}[?events]`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    if let Some(file) = visit.app.plans.find(&id) {
        let panel = file_panel(&visit, &id, &file);
        return rendered(StatusCode::OK, &page(&visit, String::new(), events(&visit).to_string(), "", Some(panel)));
    }
    match wait(&visit, &id, JOB, PATIENCE).await {
        Ok(Some(job)) => {
            let source = job.target.clone().unwrap_or_default();
            let panel = job_panel(&visit, &job);
            rendered(StatusCode::OK, &page(&visit, source, events(&visit).to_string(), "", Some(panel)))
        }
        Ok(None) => not_found(visit).await,
        Err(failed) => visit.problem(&failed),
    }
}

/// `GET /plan/{id}/result[?events]`: the result, as soon as it is there.
pub(crate) async fn result(visit: Visit, Path(id): Path<String>) -> Response {
    match wait(&visit, &id, JOB, LONG_PATIENCE).await {
        Ok(Some(job)) => rendered(StatusCode::OK, &job_panel(&visit, &job)),
        Ok(None) => not_found(visit).await,
        Err(failed) => visit.problem(&failed),
    }
}

/// The plan of an ID, if it was made.
pub(super) async fn find(visit: &Visit, id: &str) -> Result<Option<Made>, Failed> {
    if let Some(file) = visit.app.plans.find(id) {
        return Ok(Some(Made { plan: file.plan.clone(), source: file.name.clone(), file: Some(file) }));
    }
    let job = visit.app.client.find::<JobView>(format!("/jobs/{}", encoded(id))).await?;
    let job = job.map(|job| job.value).filter(|job| job.job == JOB);
    Ok(job.and_then(|job| Some(Made { plan: *job.plan?, source: job.target?, file: None })))
}

/// Ingestion events of the month so far.
pub(super) fn events(visit: &Visit) -> u64 {
    visit.query.get("events").parse().unwrap_or_default()
}

fn job_panel(visit: &Visit, job: &JobView) -> Panel {
    let source = job.target.clone().unwrap_or_default();
    panel(visit, &job.id, source, failure(job), job.plan.as_deref())
}

fn file_panel(visit: &Visit, id: &str, file: &FilePlan) -> Panel {
    let shown = panel(visit, id, file.name.clone(), None, Some(&file.plan));
    Panel { can_export: shown.can_export && file.fingerprint.is_some(), ..shown }
}

fn panel(visit: &Visit, id: &str, source: String, error: Option<Note>, plan: Option<&PlanReport>) -> Panel {
    let events = events(visit);
    let can_export = visit.may_change() && visit.app.workbench.is_some() && plan.is_some_and(is_exportable);
    Panel {
        here: format!("/plan/{}", encoded(id)),
        query: format!("?events={events}"),
        source,
        error,
        result: plan.map(|plan| planned(plan, events)),
        can_export,
    }
}
