//! `/plan/{id}/export`: asks before the upload of a plan is exported on this machine, and shows the export.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use exporter::model::upload::UploadInfo;
use exporter::ports::Scan;
use exporter::report::RunReport;

use super::open::not_found;
use super::plan::{Made, events, find, not_received};
use super::reported::{LONG_PATIENCE, PATIENCE};
use crate::exports::{Export, has_failed};
use crate::form::encoded;
use crate::messages::Message;
use crate::ports::{ExportSource, Unavailable};
use crate::task::{Outcome, Task};
use crate::upload::Upload;
use crate::view::failure::unavailable_message;
use crate::view::integration::Fact;
use crate::view::outcomes::{Bar, Equation, equation};
use crate::view::parts::{Note, State};
use crate::view::plan::{cost, is_exportable, money};
use crate::view::run::{reason, state};
use crate::view::text::{bytes, count, counted, harmless, sentence};
use crate::visit::{Frame, Visit, rendered};

#[derive(Template)]
#[template(path = "export.html")]
struct Page {
    frame: Frame,
    source: String,
    here: String,
    query: String,
    is_file: bool,
    facts: Vec<Fact>,
    button: String,
    panel: Option<Panel>,
    /// Whether the question is shown: the export was not started, or has failed.
    is_question: bool,
    may_change: bool,
}

/// The export: its result, or that it is in progress.
#[derive(Template)]
#[template(path = "export-panel.html")]
struct Panel {
    here: String,
    error: Option<Note>,
    run: Option<Exported>,
}

impl HtmlSafe for Panel {}

/// A run in a few words.
struct Exported {
    href: String,
    state: State,
    bar: Bar,
    equation: Equation,
    archived: String,
    reasons: Vec<String>,
}

/// `GET /plan/{id}/export`
pub(crate) async fn ask(visit: Visit, Path(id): Path<String>) -> Response {
    let export = visit.app.exports.find(&id);
    let panel = match &export {
        Some(export) => Some(panel(&id, export, if visit.query.has("wait") { LONG_PATIENCE } else { PATIENCE }).await),
        None => None,
    };
    match find(&visit, &id).await {
        Ok(Some(made)) if panel.is_some() || can_export(&visit, &made) => {
            let is_question = export.as_ref().is_none_or(has_failed);
            rendered(StatusCode::OK, &Page { panel, is_question, ..page(&visit, &id, &made) })
        }
        Ok(Some(_)) => not_exportable(&visit),
        Ok(None) => not_found(visit).await,
        Err(failed) => visit.problem(&failed),
    }
}

/// `GET /plan/{id}/export/result`: the result, as soon as it is there.
pub(crate) async fn result(visit: Visit, Path(id): Path<String>) -> Response {
    match visit.app.exports.find(&id) {
        Some(export) => rendered(StatusCode::OK, &panel(&id, &export, LONG_PATIENCE).await),
        None => not_found(visit).await,
    }
}

/// `POST /plan/{id}/export`: starts the export, unless it was started, and shows it.
pub(crate) async fn start(visit: Visit, Path(id): Path<String>, upload: Upload) -> Response {
    let made = match find(&visit, &id).await {
        Ok(Some(made)) if can_export(&visit, &made) => made,
        Ok(Some(_)) => return not_exportable(&visit),
        Ok(None) => return not_found(visit).await,
        Err(failed) => return visit.problem(&failed),
    };
    let path = format!("/plan/{}/export?events={}", encoded(&id), events(&visit));
    let (form, started) = match upload.receive(async |scan| begin_file(&visit, &id, &made, scan)).await {
        Ok(received) => received,
        Err(rejection) => return not_received(&visit, rejection),
    };
    drop(form);
    let message = |text: &str| Message::new("bad", "Nothing was exported.").text(text);
    let is_started = match (started, made.file.is_some()) {
        (Some(is_started), _) => is_started,
        (None, true) => return visit.after(&path, message("Choose the file of the plan.")),
        (None, false) => begin_object(&visit, &id, &made),
    };
    if is_started {
        Redirect::to(&path).into_response()
    } else {
        visit.after(
            &path,
            message("Too many exports are in progress on this machine. Try again when one of them has ended."),
        )
    }
}

fn can_export(visit: &Visit, made: &Made) -> bool {
    let is_whole = made.file.as_ref().is_none_or(|file| file.fingerprint.is_some());
    visit.app.workbench.is_some() && is_whole && is_exportable(&made.plan)
}

fn not_exportable(visit: &Visit) -> Response {
    let message =
        Message::new("plain", "Nothing to export.").text("According to its plan, this upload can't be exported.");
    visit.message_page(StatusCode::CONFLICT, "Nothing to export", message)
}

fn begin_object(visit: &Visit, id: &str, made: &Made) -> bool {
    let (url, etag) = (made.source.clone(), made.plan.run.upload.etag.clone());
    begin(visit, id, ExportSource::Object { url, etag })
}

/// Exports a file that is being received. What differs from the file of the plan is not read.
fn begin_file(visit: &Visit, id: &str, made: &Made, scan: Scan) -> bool {
    let planned = made.file.as_ref().and_then(|file| file.fingerprint.clone());
    let Some(planned) = planned else { return begin_object(visit, id, made) };
    let info = UploadInfo { source: made.source.clone(), etag: planned.digest(), bytes: planned.bytes(), ..scan.info };
    begin(visit, id, ExportSource::File(Scan { info, body: planned.check(scan.body) }))
}

fn begin(visit: &Visit, id: &str, source: ExportSource) -> bool {
    let Some(workbench) = visit.app.workbench.clone() else { return false };
    let app = visit.app.clone();
    visit.app.exports.begin(id, || {
        Task::start(async move {
            let exported = workbench.export(source).await;
            app.client.note_change();
            exported
        })
    })
}

async fn panel(id: &str, export: &Export, patience: std::time::Duration) -> Panel {
    let here = format!("/plan/{}/export", encoded(id));
    let failed = |error: &Unavailable| Some(unavailable_message("The export failed.", error).into());
    match export.within(patience).await {
        Outcome::Pending => Panel { here, error: None, run: None },
        Outcome::Done(Ok(run)) => Panel { here, error: None, run: Some(exported(&run)) },
        Outcome::Done(Err(error)) => Panel { here, error: failed(&error), run: None },
        Outcome::Lost => {
            let message = "the export ended without a result: see its run".to_owned();
            Panel { here, error: failed(&Unavailable { is_denied: false, message, remediation: None }), run: None }
        }
    }
}

fn exported(run: &RunReport) -> Exported {
    Exported {
        href: format!("/runs/{}", encoded(&run.run_id)),
        state: state(run.status),
        bar: Bar::wide(&run.counts),
        equation: equation(&run.counts),
        archived: count(run.counts.archived),
        reasons: run.reasons.iter().map(|text| sentence(&harmless(reason(text)))).collect(),
    }
}

fn page(visit: &Visit, id: &str, made: &Made) -> Page {
    let (counts, events) = (&made.plan.run.counts, events(visit));
    let total = cost(&made.plan, events);
    let number = counted(counts.sent, "finding", "findings");
    let file = made.file.as_ref().and_then(|file| file.fingerprint.as_ref());
    let size = file.map(|print| bytes(print.bytes())).unwrap_or_default();
    let mut facts = vec![
        Fact::new("Upload", harmless(&made.source)).aside(size).class("mono break"),
        Fact::new(
            "Effect",
            format!(
                "{number} of {} are sent to AWS Security Hub CSPM, and {} are archived.",
                count(counts.read),
                count(counts.archived)
            ),
        ),
        Fact::new(
            "Cost",
            format!("{}, {}", counted(total.events, "ingestion event", "ingestion events"), money(total.dollars)),
        ),
        Fact::new(
            "Undo",
            "What the run archives can be undone on its page. Findings that are sent stay until a scan shows them to be resolved.",
        ),
        Fact::new("Where", "On this machine, with your credentials. The console must run until the export ends."),
    ];
    let disabled: Vec<String> = made.plan.disabled.keys().map(ToString::to_string).collect();
    if !disabled.is_empty() {
        let text = format!("Nothing is sent for {}: the integration is disabled.", disabled.join(", "));
        facts.push(Fact::new("Disabled", text));
    }
    let source = if made.file.is_some() { "FILE" } else { made.source.as_str() };
    Page {
        frame: visit.frame("plan", "Export an upload", &format!("hubctl export {source}")),
        source: harmless(&made.source),
        here: format!("/plan/{}", encoded(id)),
        query: format!("?events={events}"),
        is_file: made.file.is_some(),
        facts,
        button: format!("Export {number}"),
        panel: None,
        is_question: true,
        may_change: visit.may_change(),
    }
}
