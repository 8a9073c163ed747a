//! `/explain`: the export history of one finding, and the reason for its current state.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use exporter::explain::{Explanation, ExportedState, FindingName, HubState};
use exporter::jobs::JobState;
use jiff::Timestamp;
use management::wire::{ExplainBody, JobView};

use super::open::not_found;
use super::reported::{LONG_PATIENCE, PATIENCE, failure, wait};
use crate::client::Request;
use crate::form::{Form, encoded};
use crate::view::failure::unavailable_message;
use crate::view::integration::Fact;
use crate::view::parts::{Note, Remediation, State};
use crate::view::settings::secret_body;
use crate::view::text::{harmless, sentence, time};
use crate::visit::{Frame, Visit, rendered};

/// The type of its jobs.
const JOB: &str = "explain";
/// What is wrong with another text than an ID.
const WRONG: &str = "Must be the ID of a Prowler finding: prowler-CHECK-ACCOUNT-REGION-HASH.";

#[derive(Template)]
#[template(path = "explain.html")]
struct Page {
    frame: Frame,
    id: String,
    live: bool,
    error: &'static str,
    /// How the form is sent. None: the finding can't be explained.
    method: Option<&'static str>,
    result: Option<Panel>,
}

/// The result, as a part of the page or alone.
#[derive(Default, Template)]
#[template(path = "explain-panel.html")]
struct Panel {
    here: String,
    is_pending: bool,
    error: Option<Note>,
    facts: Vec<Fact>,
    states: Vec<RegionState>,
    stays: Option<(String, Remediation)>,
    quarantine: Vec<(String, String)>,
    security_hub: Vec<Fact>,
    notes: Vec<String>,
    runs: Vec<(String, String, String)>,
}

impl HtmlSafe for Panel {}

/// The finding's entry in a Region state.
struct RegionState {
    region: String,
    state: State,
    facts: Vec<Fact>,
    finding: String,
}

/// `GET /explain[?id&live]`. A read-only console submits no job: `hubctl` explains the finding on this machine.
pub(crate) async fn ask(visit: Visit) -> Response {
    let (id, live) = (visit.query.get("id").to_owned(), visit.query.has("live"));
    let error = if id.is_empty() || FindingName::parse(&id).is_some() { "" } else { WRONG };
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let workbench = visit.app.workbench.clone().filter(|_| !visit.may_change() && !id.is_empty() && error.is_empty());
    let Some(workbench) = workbench else { return rendered(status, &page(&visit, &id, live, error, None)) };
    let (status, panel) = match workbench.explain(id.clone(), live).await {
        Ok(explanation) => (StatusCode::OK, view(&explanation, visit.now())),
        Err(unavailable) => {
            let note = unavailable_message("The finding could not be explained.", &unavailable).into();
            (StatusCode::BAD_GATEWAY, Panel { error: Some(note), ..Panel::default() })
        }
    };
    rendered(status, &page(&visit, &id, live, "", Some(panel)))
}

fn page(visit: &Visit, id: &str, live: bool, error: &'static str, result: Option<Panel>) -> Page {
    let option = if live { " --live" } else { "" };
    let shown = if id.is_empty() || !error.is_empty() { "FINDING-ID" } else { id };
    let frame = visit.frame("explain", "Explain", &format!("hubctl explain {shown}{option}"));
    let method = if visit.may_change() { Some("post") } else { visit.app.workbench.as_ref().map(|_| "get") };
    Page { frame, id: harmless(id), live, error, method, result }
}

/// `POST /explain`: submits the job that explains, and shows its result.
pub(crate) async fn start(visit: Visit, form: Form) -> Response {
    let (id, live) = (form.get("id").to_owned(), form.has("live"));
    let body = secret_body(&ExplainBody { finding_id: id.clone(), live });
    match visit.app.client.send::<JobView>(Request::post("/findings/explain").json(body)).await {
        Ok(job) => {
            let live = if live { "?live=on" } else { "" };
            Redirect::to(&format!("/explain/{}{live}", encoded(&job.value.id))).into_response()
        }
        Err(failed) if !failed.errors().is_empty() => {
            rendered(StatusCode::UNPROCESSABLE_ENTITY, &page(&visit, &id, live, WRONG, None))
        }
        Err(failed) => visit.problem(&failed),
    }
}

/// `GET /explain/{id}`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    match wait(&visit, &id, JOB, PATIENCE).await {
        Ok(Some(job)) => {
            let finding = job.target.clone().unwrap_or_default();
            let live = visit.query.has("live");
            rendered(StatusCode::OK, &page(&visit, &finding, live, "", Some(panel(&job, visit.now()))))
        }
        Ok(None) => not_found(visit).await,
        Err(failed) => visit.problem(&failed),
    }
}

/// `GET /explain/{id}/result`: the result, as soon as it is there.
pub(crate) async fn result(visit: Visit, Path(id): Path<String>) -> Response {
    match wait(&visit, &id, JOB, LONG_PATIENCE).await {
        Ok(Some(job)) => rendered(StatusCode::OK, &panel(&job, visit.now())),
        Ok(None) => not_found(visit).await,
        Err(failed) => visit.problem(&failed),
    }
}

fn panel(job: &JobView, now: Timestamp) -> Panel {
    let here = format!("/explain/{}", job.id);
    match &job.explanation {
        Some(explanation) => Panel { here, ..view(explanation, now) },
        None => Panel { here, error: failure(job), is_pending: job.state == JobState::Pending, ..Panel::default() },
    }
}

fn view(found: &Explanation, now: Timestamp) -> Panel {
    let facts = vec![
        Fact::new("Finding", harmless(&found.id)).class("mono break"),
        Fact::new("Check", harmless(&found.name.check)).class("mono break"),
        Fact::new("Account", found.name.account.to_string()).class("mono"),
        Fact::new("Region", found.name.region.to_string()).class("mono"),
    ];
    let stays = found.stays_active.as_ref();
    let quarantine = found.quarantine.iter().map(|entry| {
        let text = format!("{}: {}", harmless(&entry.code), harmless(&entry.message));
        (format!("/runs/{}/quarantine/{}", encoded(&entry.run_id), entry.entry), text)
    });
    let runs = found.runs.iter().map(|run| {
        (format!("/runs/{}", encoded(&run.run_id)), time(run.started_at, now), sentence(&harmless(&run.note)))
    });
    Panel {
        facts,
        states: found.exported_state.iter().map(|exported| exported_state(exported, now)).collect(),
        stays: stays.map(|stays| (sentence(&harmless(&stays.message)), Remediation::new(harmless(&stays.command)))),
        quarantine: quarantine.collect(),
        security_hub: found.security_hub.iter().map(hub_state).collect(),
        notes: found.notes.iter().map(|note| sentence(&harmless(note))).collect(),
        runs: runs.collect(),
        ..Panel::default()
    }
}

fn exported_state(exported: &ExportedState, now: Timestamp) -> RegionState {
    let tone = match exported.state.as_str() {
        "active" => "good",
        "uncertain" => "warn",
        _ => "plain",
    };
    let because = exported.archived_as.as_ref().map(|because| format!(", because it is {because}")).unwrap_or_default();
    let mut facts = vec![
        Fact::new("Status", &exported.status),
        Fact::new("First seen", format!("{} UTC", time(exported.first_seen, now))),
        Fact::new("Last sent", format!("{} UTC", time(exported.last_sent, now))),
    ];
    if let Some(run) = &exported.sent_by {
        facts.push(Fact::new("Sent by run", run).link(format!("/runs/{}", encoded(run))).class("mono"));
    }
    if let Some(absent) = exported.absent {
        facts.push(Fact::new("Absent from scans", absent.to_string()));
    }
    RegionState {
        region: exported.region.to_string(),
        state: State::new(tone, format!("{}{because}", exported.state)),
        facts,
        finding: harmless(&serde_json::to_string_pretty(&exported.finding).unwrap_or_default()),
    }
}

fn hub_state(state: &HubState) -> Fact {
    let of = |text: &Option<String>| text.as_deref().map_or_else(|| "unknown".to_owned(), harmless);
    let text = match (&state.error, &state.record_state) {
        (Some(error), _) => format!("failed to read: {}", harmless(error)),
        (None, None) => format!("not found in {}", state.region),
        (None, Some(record)) => format!(
            "{} in {}, {}, workflow {}, updated {}",
            harmless(record),
            state.region,
            of(&state.status),
            of(&state.workflow),
            of(&state.updated_at)
        ),
    };
    Fact::new("Security Hub", text)
}
