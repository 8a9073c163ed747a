//! `/doctor`: what to do, and accounts and Regions as a matrix, by the newest check of each account.

use askama::Template;
use axum::response::Response;
use exporter::connection::Connection;

use super::connections::{all, table};
use super::download::attachment;
use crate::view::matrix::{Fix, LEGEND, Matrix, fixes, matrix, needs_action};
use crate::view::text::counted;
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
    more: usize,
    is_empty: bool,
}

/// `GET /doctor`
pub(crate) async fn show(visit: Visit) -> Response {
    let read = all(&visit.app.client).await;
    visit.show(read.map(|all| view(&visit, &all)))
}

/// `GET /doctor.csv`
pub(crate) async fn list(visit: Visit) -> Response {
    match all(&visit.app.client).await {
        Ok(all) => attachment("text/csv; charset=utf-8", "connections.csv", table(&all)),
        Err(failed) => visit.problem(&failed),
    }
}

fn view(visit: &Visit, all: &[(Connection, String)]) -> Page {
    let q = visit.query.get("q").to_lowercase();
    let (with_all, all_regions) = (visit.query.get("show") == "all", visit.query.get("regions") == "all");
    let matches = |(connection, name): &&(Connection, String)| {
        (q.is_empty() || connection.account.as_str().contains(&q) || name.to_lowercase().contains(&q))
            && (with_all || needs_action(connection))
    };
    let shown: Vec<&Connection> = all.iter().filter(matches).map(|(connection, _)| connection).collect();
    let wrong = all.iter().filter(|(connection, _)| needs_action(connection)).count();
    let rows: Vec<&Connection> = shown.iter().copied().take(ROWS_MAX).collect();
    Page {
        frame: visit.frame("doctor", "Doctor", "hubctl doctor"),
        fixes: fixes(&shown, visit.now()),
        matrix: matrix(&rows, all_regions),
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
        more: shown.len() - rows.len(),
        is_empty: all.is_empty(),
    }
}
