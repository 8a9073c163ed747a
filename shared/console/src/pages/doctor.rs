//! `/doctor`: what to do, and accounts and Regions as a matrix, by the newest check of each account.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::response::Response;
use exporter::connection::Connection;

use super::check;
use super::connections::{connections, table};
use super::download::attachment;
use crate::client::Failed;
use crate::connections::{Connections, Named};
use crate::ports::DeploymentCheck;
use crate::view::failure::failure_message;
use crate::view::matrix::{Fix, LEGEND, Matrix, fixes, matrix, needs_action};
use crate::view::pager::Pager;
use crate::view::parts::{Button, Note, Remediation, State};
use crate::view::text::{counted, harmless, sentence};
use crate::visit::{Frame, Visit};

/// Accounts per page.
const ROWS_MAX: usize = 100;

#[derive(Template)]
#[template(path = "doctor.html")]
struct Page {
    frame: Frame,
    fixes: Vec<Fix>,
    matrix: Matrix,
    summary: String,
    q: String,
    show: [(&'static str, String, bool); 2],
    regions: [(&'static str, String, bool); 2],
    legend: [(&'static str, &'static str); 9],
    pager: Pager,
    is_empty: bool,
    deployment: Option<Deployment>,
    deployment_page: String,
    has_workbench: bool,
    test_all: Option<Button>,
}

/// The checks of the deployment, as a part of the page or alone.
#[derive(Template)]
#[template(path = "deployment.html")]
struct Deployment {
    checks: Vec<Check>,
    error: Option<Note>,
}

impl HtmlSafe for Deployment {}

/// A check of the deployment.
struct Check {
    rank: u8,
    name: String,
    state: State,
    message: String,
    remediation: Option<Remediation>,
}

/// `GET /doctor`
pub(crate) async fn show(visit: Visit) -> Response {
    let read = connections(&visit).await;
    let inspected = if visit.query.has("wait") { inspect(&visit).await } else { None };
    visit.show(read.map(|read| view(&visit, &read, inspected)))
}

/// `GET /doctor/deployment`: the checks of the deployment, when the rest of the page is already there.
pub(crate) async fn deployment(visit: Visit) -> Response {
    match inspect(&visit).await {
        Some(panel) => visit.show(Ok::<_, Failed>(panel)),
        None => super::open::not_found(visit).await,
    }
}

async fn inspect(visit: &Visit) -> Option<Deployment> {
    let workbench = visit.app.workbench.clone()?;
    Some(match workbench.inspect().await {
        Ok(checks) => {
            let mut checks: Vec<Check> = checks.into_iter().map(shown).collect();
            checks.sort_by_key(|check| check.rank);
            Deployment { checks, error: None }
        }
        Err(error) => {
            Deployment { checks: Vec::new(), error: Some(failure_message(&Failed::Unavailable(error)).into()) }
        }
    })
}

/// Problems first; what could not be checked is not well.
fn shown(found: DeploymentCheck) -> Check {
    let (rank, tone, word) = match found.is_well {
        Some(false) => (0, "bad", "action needed"),
        None => (1, "plain", "not checked"),
        Some(true) => (2, "good", "OK"),
    };
    Check {
        rank,
        name: harmless(&found.check),
        state: State::new(tone, word),
        message: sentence(&harmless(&found.message)),
        remediation: found.remediation.map(|text| Remediation::new(harmless(&text))),
    }
}

/// `GET /doctor.csv`
pub(crate) async fn list(visit: Visit) -> Response {
    match connections(&visit).await {
        Ok(read) => attachment("text/csv; charset=utf-8", "connections.csv", table(&read.all)),
        Err(failed) => visit.problem(&failed),
    }
}

fn view(visit: &Visit, read: &Connections, deployment: Option<Deployment>) -> Page {
    let all = &read.all;
    let q = visit.query.get("q").to_lowercase();
    let (with_all, all_regions) = (visit.query.get("show") == "all", visit.query.get("regions") == "all");
    let matches = |(connection, name): &&Named| {
        (q.is_empty() || connection.account.as_str().contains(&q) || name.to_lowercase().contains(&q))
            && (with_all || needs_action(connection))
    };
    let shown: Vec<&Connection> = all.iter().filter(matches).map(|(connection, _)| connection).collect();
    let wrong = all.iter().filter(|(connection, _)| needs_action(connection)).count();
    let pager = Pager::new(visit, shown.len(), &[ROWS_MAX], "accounts");
    Page {
        frame: visit.frame("doctor", "Doctor", "hubctl doctor").read_at(visit, read.read_at),
        fixes: fixes(&shown, visit.now()),
        matrix: matrix(&shown[pager.rows.clone()], all_regions),
        summary: format!("{} of {} need action", counted(wrong as u64, "account", "accounts"), all.len()),
        q: visit.query.get("q").to_owned(),
        show: [
            ("Accounts that need action", visit.with("show", None), !with_all),
            ("All accounts", visit.with("show", Some("all")), with_all),
        ],
        regions: [
            ("Regions in use", visit.with("regions", None), !all_regions),
            ("All Regions", visit.with("regions", Some("all")), all_regions),
        ],
        legend: LEGEND,
        pager,
        is_empty: all.is_empty(),
        deployment,
        deployment_page: visit.with("wait", Some("1")),
        has_workbench: visit.app.workbench.is_some(),
        test_all: check::button(visit),
    }
}
