//! `/runs/{id}/pending`: the findings that are archived upon approval, one by one, and their sums.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use exporter::report::{PendingClass, PendingFinding};

use super::download::{attachment, csv};
use crate::client::Failed;
use crate::form::encoded;
use crate::view::text::count;
use crate::visit::{Frame, Visit};

/// Findings that are read for the sums and the list.
const FINDINGS_MAX: usize = 10_000;
/// Findings per request: as many as the API returns.
const FINDINGS_READ: usize = 1_000;
/// Findings per page.
const FINDINGS_SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "pending.html")]
struct Page {
    frame: Frame,
    id: String,
    is_unproven: bool,
    other_href: String,
    sums: Vec<Sum>,
    service: String,
    all_href: String,
    rows: Vec<Row>,
    summary: String,
    next: String,
    previous: String,
    csv: String,
    is_cut: bool,
}

/// The findings of a service.
struct Sum {
    service: String,
    href: String,
    cells: Vec<String>,
}

/// The kinds of evidence that have a column.
const CLASSES: [(PendingClass, &str); 5] = [
    (PendingClass::Proven, "Absent, proven"),
    (PendingClass::Absent, "Absent in several scans"),
    (PendingClass::Passed, "Passed"),
    (PendingClass::Muted, "Muted"),
    (PendingClass::Moved, "Moved"),
];

struct Row {
    check: String,
    resource: String,
    severity: String,
    region: String,
    evidence: String,
    since: String,
}

/// Filter of the page: pending or unproven findings, of one service or all.
struct Choice {
    is_unproven: bool,
    service: String,
}

impl Choice {
    fn of(visit: &Visit) -> Self {
        Self { is_unproven: visit.query.get("why") == "unproven", service: visit.query.get("service").to_owned() }
    }

    fn has_kind(&self, finding: &PendingFinding) -> bool {
        (finding.class == PendingClass::Unproven) == self.is_unproven
    }

    fn has(&self, finding: &PendingFinding) -> bool {
        self.has_kind(finding) && (self.service.is_empty() || finding.service == self.service)
    }
}

async fn read(visit: &Visit, id: &str) -> Result<(Vec<PendingFinding>, bool), Failed> {
    visit.app.client.list_by(&format!("/runs/{}/pending", encoded(id)), FINDINGS_READ, FINDINGS_MAX).await
}

/// `GET /runs/{id}/pending`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let page = read(&visit, &id).await.map(|(findings, is_cut)| view(&visit, &id, &findings, is_cut));
    visit.show(page)
}

/// `GET /runs/{id}/pending.csv`
pub(crate) async fn list(visit: Visit, Path(id): Path<String>) -> Response {
    let (findings, _) = match read(&visit, &id).await {
        Ok(read) => read,
        Err(failed) => return visit.problem(&failed),
    };
    let choice = Choice::of(&visit);
    let shown: Vec<_> = findings.iter().filter(|finding| choice.has(finding)).collect();
    let first: Vec<String> =
        shown.iter().map(|finding| finding.first_observed_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).collect();
    let heading = vec![
        "account",
        "region",
        "service",
        "check",
        "severity",
        "resource",
        "class",
        "reason",
        "first_observed_at",
        "finding_id",
    ];
    let rows = shown.iter().zip(&first).map(|(finding, first)| {
        vec![
            finding.account.as_str(),
            finding.region.as_str(),
            &finding.service,
            &finding.check_id,
            &finding.severity,
            &finding.resource_id,
            finding.class.as_str(),
            &finding.reason,
            first,
            &finding.finding_id,
        ]
    });
    attachment("text/csv; charset=utf-8", "pending.csv", csv(std::iter::once(heading).chain(rows)))
}

fn view(visit: &Visit, id: &str, findings: &[PendingFinding], is_cut: bool) -> Page {
    let choice = Choice::of(visit);
    let shown: Vec<_> = findings.iter().filter(|finding| choice.has(finding)).collect();
    let first: usize = visit.query.get("from").parse().unwrap_or(0);
    let last = (first + FINDINGS_SHOWN).min(shown.len());
    let rows: Vec<Row> = shown.iter().skip(first).take(FINDINGS_SHOWN).map(|finding| row(finding)).collect();
    let from = |first: usize| visit.with("from", Some(&first.to_string()));
    let why = if choice.is_unproven { "unproven" } else { "pending" };
    let title = if choice.is_unproven { "Unproven findings" } else { "Findings pending approval" };
    Page {
        frame: visit.frame("runs", title, &format!("hubctl run pending {id}")),
        id: id.to_owned(),
        is_unproven: choice.is_unproven,
        other_href: format!("/runs/{id}/pending{}", if choice.is_unproven { "" } else { "?why=unproven" }),
        sums: sums(visit, findings.iter().filter(|finding| choice.has_kind(finding))),
        all_href: visit.with("service", None),
        summary: if rows.is_empty() {
            "0 findings".to_owned()
        } else {
            format!("{}–{} of {}", first + 1, last, count(shown.len() as u64))
        },
        rows,
        next: if last < shown.len() { from(last) } else { String::new() },
        previous: if first > 0 { from(first.saturating_sub(FINDINGS_SHOWN)) } else { String::new() },
        csv: format!("/runs/{id}/pending.csv?why={why}&service={}", encoded(&choice.service)),
        service: choice.service,
        is_cut,
    }
}

fn sums<'a>(visit: &Visit, findings: impl Iterator<Item = &'a PendingFinding>) -> Vec<Sum> {
    let mut services: BTreeMap<&str, BTreeMap<PendingClass, u64>> = BTreeMap::new();
    for finding in findings {
        *services.entry(&finding.service).or_default().entry(finding.class).or_default() += 1;
    }
    let mut sums: Vec<_> =
        services.into_iter().map(|(service, classes)| (classes.values().sum::<u64>(), service, classes)).collect();
    sums.sort_by_key(|(total, service, _)| (std::cmp::Reverse(*total), *service));
    let number = |classes: &BTreeMap<PendingClass, u64>, class| count(classes.get(class).copied().unwrap_or_default());
    sums.into_iter()
        .map(|(total, service, classes)| Sum {
            service: service.to_owned(),
            href: visit.with("service", Some(service)),
            cells: std::iter::once(count(total))
                .chain(CLASSES.iter().map(|(class, _)| number(&classes, class)))
                .collect(),
        })
        .collect()
}

fn row(finding: &PendingFinding) -> Row {
    let evidence = match finding.class {
        PendingClass::Unproven => exporter::report::reasons::unproven::explain(&finding.reason).to_owned(),
        class => CLASSES.iter().find(|(one, _)| *one == class).map_or_else(String::new, |(_, name)| (*name).to_owned()),
    };
    Row {
        check: finding.check_id.clone(),
        resource: finding.resource_id.clone(),
        severity: finding.severity.to_lowercase(),
        region: finding.region.to_string(),
        evidence,
        since: finding.first_observed_at.strftime("%-d %b %Y").to_string(),
    }
}
