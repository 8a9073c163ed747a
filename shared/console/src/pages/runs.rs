//! `/runs`: the history, and the runs, newest first.

use askama::Template;
use axum::response::Response;
use exporter::report::{RunReport, RunStatus};
use jiff::Timestamp;
use management::wire::List;

use super::history::{Choices, Panel};
use super::names::{Names, names};
use crate::client::Failed;
use crate::form::encoded;
use crate::view::outcomes::{Bar, OUTCOMES};
use crate::view::parts::State;
use crate::view::run::{errors, kind, reason, state};
use crate::view::text::{count, duration, time};
use crate::visit::{Frame, Visit};

/// Runs on a page, which are also those that the filters apply to.
const RUNS_SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "runs.html")]
struct Page {
    frame: Frame,
    history_href: String,
    history_page: String,
    history: Option<Panel>,
    kept: Vec<(&'static str, String)>,
    account: String,
    since: String,
    statuses: Vec<Choice>,
    kinds: Vec<Choice>,
    rows: Vec<Row>,
    summary: String,
    older: String,
    newest: String,
    is_filtered: bool,
    outcomes: [(&'static str, &'static str); 7],
}

struct Choice {
    name: &'static str,
    is_chosen: bool,
}

struct Row {
    href: String,
    at: String,
    state: State,
    kind: &'static str,
    why: String,
    account: String,
    read: String,
    bar: Bar,
    sent: String,
    archived: String,
    errors: String,
    has_errors: bool,
    duration: String,
}

/// `GET /runs`
pub(crate) async fn list(visit: Visit) -> Response {
    let page = read(&visit).await;
    visit.show(page.map(|(list, names, panel)| view(&visit, &list, &names, panel)))
}

/// The runs of an account, or all.
fn address(visit: &Visit) -> String {
    match visit.query.given("account") {
        Some(account) => format!("/runs?account={}", encoded(account)),
        None => "/runs".to_owned(),
    }
}

/// Those that the filters apply to. The API searches by one status and one kind; a choice that stands for several is applied to
/// each page.
fn searched(visit: &Visit) -> String {
    let mut address = address(visit);
    let status = Some(visit.query.get("status")).filter(|name| ["Succeeded", "Degraded", "Failed"].contains(name));
    let kind = Some(visit.query.get("kind")).filter(|name| KINDS[1..].contains(name));
    for (parameter, name) in [("status", status), ("kind", kind)] {
        let Some(name) = name else { continue };
        let mark = if address.contains('?') { '&' } else { '?' };
        address = format!("{address}{mark}{parameter}={}", name.to_lowercase().replace(' ', "_"));
    }
    address
}

async fn read(visit: &Visit) -> Result<(List<RunReport>, Names, Option<Panel>), Failed> {
    let client = &visit.app.client;
    let path = searched(visit);
    let (list, names) = futures::try_join!(client.page(&path, RUNS_SHOWN, visit.query.given("after")), names(client))?;
    let panel = if visit.query.has("wait") { Some(Panel::read(visit).await?) } else { None };
    Ok((list, names, panel))
}

const STATUSES: [&str; 7] = ["Any", "Needs attention", "Succeeded", "Degraded", "Failed", "Running", "Other"];
const KINDS: [&str; 6] = ["Any", "Export", "Undo archive", "Redrive", "Reconcile", "Archive all"];

fn has_status(run: &RunReport, chosen: &str) -> bool {
    match chosen {
        "Needs attention" => matches!(run.status, RunStatus::Degraded | RunStatus::Failed),
        "Succeeded" => run.status == RunStatus::Succeeded,
        "Degraded" => run.status == RunStatus::Degraded,
        "Failed" => run.status == RunStatus::Failed,
        "Running" => matches!(run.status, RunStatus::Running | RunStatus::Unfinished),
        "Other" => matches!(run.status, RunStatus::Ignored | RunStatus::Duplicate | RunStatus::Superseded),
        _ => true,
    }
}

fn choices(names: &[&'static str], chosen: &str) -> Vec<Choice> {
    names.iter().map(|name| Choice { name, is_chosen: *name == chosen }).collect()
}

fn view(visit: &Visit, list: &List<RunReport>, names: &Names, history: Option<Panel>) -> Page {
    let (query, now) = (&visit.query, visit.now());
    let (status, chosen_kind, since) = (query.get("status"), query.get("kind"), query.get("since"));
    let matches = |run: &&RunReport| {
        has_status(run, status)
            && (["", "Any"].contains(&chosen_kind) || kind(run.kind) == chosen_kind)
            && (since.is_empty() || run.started_at.strftime("%Y-%m-%d").to_string().as_str() >= since)
    };
    let mut shown: Vec<&RunReport> = list.items.iter().filter(matches).collect();
    shown.sort_by_key(|run| !matches!(run.status, RunStatus::Running));
    let account = query.get("account");
    let command =
        if account.is_empty() { "hubctl run list".to_owned() } else { format!("hubctl run list --account {account}") };
    let total = list.items.len();
    let is_filtered = shown.len() < total || searched(visit) != address(visit);
    let summary = if shown.len() < total {
        format!("{} of {total} runs match the filter", shown.len())
    } else {
        format!("{total} shown, newest first")
    };
    Page {
        frame: visit.frame("runs", "Runs", &command),
        history_href: Choices::of(query).address("/runs/history"),
        history_page: visit.with("wait", Some("1")),
        history,
        kept: Choices::of(query).fields(),
        account: account.to_owned(),
        since: since.to_owned(),
        statuses: choices(&STATUSES, status),
        kinds: choices(&KINDS, chosen_kind),
        rows: shown.into_iter().map(|run| row(run, names, now)).collect(),
        summary,
        older: list.next.as_ref().map(|next| visit.with("after", Some(next))).unwrap_or_default(),
        newest: if query.has("after") { visit.with("after", None) } else { String::new() },
        is_filtered,
        outcomes: OUTCOMES,
    }
}

/// The account of a run, or the number of accounts.
pub(super) fn accounts_of(run: &RunReport, names: &Names) -> String {
    let mut accounts = run.accounts.keys();
    match (accounts.next(), accounts.next()) {
        (None, _) => "–".to_owned(),
        (Some(account), None) => {
            let id = account.to_string();
            names.get(&id).cloned().unwrap_or(id)
        }
        _ => format!("{} accounts", count(run.accounts.len() as u64)),
    }
}

fn row(run: &RunReport, names: &Names, now: Timestamp) -> Row {
    let is_plain = run.status == RunStatus::Succeeded;
    let why = run.reasons.first().filter(|_| !is_plain).map(|text| reason(text));
    let wrong = errors(&run.counts);
    Row {
        href: format!("/runs/{}", run.run_id),
        at: time(run.started_at, now),
        state: state(run.status),
        kind: kind(run.kind),
        why: why.unwrap_or_default().to_owned(),
        account: accounts_of(run, names),
        read: count(run.counts.read),
        bar: Bar::small(&run.counts),
        sent: count(run.counts.sent),
        archived: count(run.counts.archived),
        errors: count(wrong),
        has_errors: wrong > 0,
        duration: run.finished_at.map(|end| duration(end.duration_since(run.started_at))).unwrap_or_default(),
    }
}
