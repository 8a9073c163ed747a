//! `/runs/{id}`: all findings accounted for, what waits for approval, what to do.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use exporter::report::{RunKind, RunReport, RunStatus};
use management::wire::{JobView, ReasonBody};
use serde_json::Value;

use super::download::attachment;
use super::names::names;
use super::runs::accounts_of;
use crate::client::Request;
use crate::form::encoded;
use crate::messages::Message;
use crate::view::integration::Fact;
use crate::view::outcomes::{Bar, Equation, Row, also, equation, rows};
use crate::view::parts::{Button, State};
use crate::view::pending_archive::{GROUP_COLUMNS, Pending, pending};
use crate::view::region::Fix;
use crate::view::report::{AccountRow, COLUMNS, Regions, Unproven, accounts, facts, fixes, regions, unproven};
use crate::view::run::{kind, state};
use crate::view::text::{sentence, time};
use crate::visit::{Frame, Visit};

/// Accounts of a run that are listed.
const ACCOUNTS_MAX: usize = 100;

#[derive(Template)]
#[template(path = "run.html")]
struct Page {
    frame: Frame,
    id: String,
    title: String,
    state: State,
    reasons: Vec<String>,
    bar: Bar,
    equation: Equation,
    rows: Vec<Row>,
    also: String,
    pending: Vec<Pending>,
    group_columns: [&'static str; 6],
    unproven: Option<Unproven>,
    fixes: Vec<Fix>,
    facts: Vec<Fact>,
    accounts: Vec<AccountRow>,
    more_accounts: usize,
    regions: Option<Regions>,
    columns: [&'static str; 11],
    replay: Option<Button>,
    replay_again: Option<Button>,
    can_undo: bool,
    may_change: bool,
    is_running: bool,
}

/// `GET /runs/{id}`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let client = &visit.app.client;
    let read = futures::try_join!(client.get::<RunReport>(format!("/runs/{}", encoded(&id))), names(client));
    visit.show(read.map(|(run, names)| view(&visit, &run.value, &accounts_of(&run.value, &names))))
}

/// `GET /runs/{id}/report.json`: the report as the API returns it.
pub(crate) async fn report(visit: Visit, Path(id): Path<String>) -> Response {
    match visit.app.client.get::<Value>(format!("/runs/{}", encoded(&id))).await {
        Ok(answer) => {
            let text = serde_json::to_string_pretty(&answer.value).unwrap_or_default();
            attachment("application/json", "run.json", text)
        }
        Err(failed) => visit.problem(&failed),
    }
}

/// `POST /runs/{id}/replay`
pub(crate) async fn replay(visit: Visit, Path(id): Path<String>) -> Response {
    submit(&visit, &id, "replay", "Replay submitted.", None).await
}

/// `POST /runs/{id}/redrive`
pub(crate) async fn redrive(visit: Visit, Path(id): Path<String>) -> Response {
    let verb = visit.query.given("code").map_or("redrive".to_owned(), |code| format!("redrive?code={}", encoded(code)));
    submit(&visit, &id, &verb, "Redrive submitted.", None).await
}

/// Submits a job about a run, with a reason if one is given, and shows it.
pub(super) async fn submit(visit: &Visit, id: &str, verb: &str, title: &str, reason: Option<&str>) -> Response {
    let path = format!("/runs/{}", encoded(id));
    let body = ReasonBody { reason: reason.map(str::to_owned) };
    let request = Request::post(format!("{path}/{verb}")).json(crate::view::settings::secret_body(&body));
    match visit.app.client.send::<JobView>(request).await {
        Ok(job) => {
            let message = Message::new("good", title).text("It runs in the deployment; you can leave this page.");
            visit.after(&format!("/jobs/{}", encoded(&job.value.id)), message)
        }
        Err(failed) => visit.after_result(&path, Err(failed)),
    }
}

fn view(visit: &Visit, run: &RunReport, account: &str) -> Page {
    let now = visit.now();
    let title = format!("{} of {account}, {} UTC", kind(run.kind), time(run.started_at, now));
    let chosen = visit.query.get("account");
    let single = run.accounts.iter().find(|(id, _)| run.accounts.len() == 1 || id.as_str() == chosen);
    let (rows_of_accounts, more_accounts) =
        if run.accounts.len() > 1 { accounts(run, ACCOUNTS_MAX) } else { (Vec::new(), 0) };
    let may_change = visit.may_change();
    let is_export = run.kind == RunKind::Export && run.status != RunStatus::Running;
    let button = |label: &str, class| {
        let action = format!("/runs/{}/replay", run.run_id);
        (may_change && is_export).then(|| Button::new(action, label).class(class).hint("Export this upload again"))
    };
    let fixes = fixes(run);
    let reasons = run.reasons.iter().map(|reason| sentence(crate::view::run::reason(reason)));
    Page {
        frame: visit.frame("runs", title.clone(), &format!("hubctl run show {}", run.run_id)),
        id: run.run_id.clone(),
        title,
        state: state(run.status),
        reasons: reasons.collect(),
        bar: Bar::wide(&run.counts),
        equation: equation(&run.counts),
        rows: rows(run),
        also: also(&run.counts),
        pending: pending(run, now),
        group_columns: GROUP_COLUMNS,
        unproven: unproven(run),
        facts: facts(run, now),
        accounts: rows_of_accounts,
        more_accounts,
        regions: single.map(|(id, report)| regions(id, report)),
        columns: COLUMNS,
        replay: button("Replay", ""),
        replay_again: button("Replay this run", "").filter(|_| !fixes.is_empty()),
        fixes,
        can_undo: may_change && run.counts.archived > 0,
        may_change,
        is_running: run.status == RunStatus::Running,
    }
}
