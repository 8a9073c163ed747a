//! `/runs/{id}/approve` and `/runs/{id}/undo-archive`: pages that ask before a job is submitted.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use exporter::report::{AccountReport, RunKind, RunReport, RunStatus};
use management::wire::{ApprovalBody, JobView};

use super::ask::Ask;
use super::names::names;
use super::run::submit;
use super::runs::accounts_of;
use crate::client::{Failed, Request};
use crate::form::{Form, encoded};
use crate::messages::Message;
use crate::view::integration::Fact;
use crate::view::pending_archive::pending;
use crate::view::report::unproven;
use crate::view::run::kind;
use crate::view::text::{count, time};
use crate::visit::Visit;

/// Runs of the account among which a newer scan is looked for.
const RUNS_READ: usize = 50;

struct Read {
    run: RunReport,
    account: String,
    newer: Option<RunReport>,
}

async fn read(visit: &Visit, id: &str) -> Result<Read, Failed> {
    let client = &visit.app.client;
    let (run, names) = futures::try_join!(client.get::<RunReport>(format!("/runs/{}", encoded(id))), names(client))?;
    let run = run.value;
    let account = run.accounts.keys().next().filter(|_| run.accounts.len() == 1);
    let newer = match account {
        Some(account) => {
            let page = client.page::<RunReport>(&format!("/runs?account={account}"), RUNS_READ, None).await?;
            page.items.into_iter().find(|other| is_newer(other, &run))
        }
        None => None,
    };
    Ok(Read { account: accounts_of(&run, &names), newer, run })
}

/// Whether a run exported a newer scan.
fn is_newer(other: &RunReport, run: &RunReport) -> bool {
    let has_exported = matches!(other.status, RunStatus::Succeeded | RunStatus::Degraded);
    other.kind == RunKind::Export && has_exported && other.scanned_at > run.scanned_at
}

/// `GET /runs/{id}/approve[?unproven]`
pub(crate) async fn ask(visit: Visit, Path(id): Path<String>) -> Response {
    let is_unproven = visit.query.has("unproven");
    let read = match read(&visit, &id).await {
        Ok(read) => read,
        Err(failed) => return visit.problem(&failed),
    };
    let number: u64 = if is_unproven {
        read.run.accounts.values().map(|report| report.counts.unproven).sum()
    } else {
        read.run.accounts.values().map(AccountReport::pending_findings).sum()
    };
    let has_any = if is_unproven { unproven(&read.run).is_some() } else { number > 0 };
    if !has_any {
        let message =
            Message::new("plain", "Nothing to approve.").text("No finding of this run is pending this approval.");
        return visit.message_page(StatusCode::CONFLICT, "Nothing to approve", message);
    }
    visit.show(Ok::<_, Failed>(approval(&visit, &read, number, is_unproven)))
}

fn approval(visit: &Visit, read: &Read, number: u64, is_unproven: bool) -> Ask {
    let run = &read.run;
    let shown = count(number);
    let (option, what) = if is_unproven { (" --unproven", "unproven findings") } else { ("", "findings") };
    let effect = if is_unproven {
        format!(
            "The upload is exported again, and {shown} findings become ARCHIVED in AWS Security Hub CSPM, none of them with the status PASSED."
        )
    } else {
        format!("The upload is exported again, and {shown} findings become ARCHIVED in AWS Security Hub CSPM.")
    };
    let pending = pending(run, visit.now());
    let mut unusual = pending.iter().filter_map(|account| account.unusual.as_ref()).peekable();
    let is_unusual = !is_unproven && unusual.peek().is_some();
    let warning = if is_unproven {
        "This scan has no evidence that they are resolved. If the resources still exist, the findings are still valid."
            .to_owned()
    } else {
        unusual.flatten().cloned().collect::<Vec<_>>().join(" ")
    };
    let query = if is_unproven { "?unproven=1" } else { "" };
    let mut facts = vec![
        Fact::new("Effect", effect),
        Fact::new("Analysts' changes", "Workflow status, notes, and severities are preserved."),
        Fact::new("Cost", format!("{shown} ingestion events")),
        Fact::new(
            "Undo",
            "With the button on the run, as long as the run is retained. Each finding returns to its previous state.",
        ),
    ];
    if read.newer.is_none() && run.accounts.len() == 1 {
        facts.push(Fact::new(
            "Newer scans",
            "No newer scan of the account is known. If one arrives first, nothing is archived.",
        ));
    }
    let why = if is_unproven { "?why=unproven" } else { "" };
    Ask {
        title: format!("Archive {shown} {what} in {}?", read.account),
        warning,
        button_class: if is_unusual { "btn danger" } else { "btn danger primary" },
        review: (format!("/runs/{}/pending{why}", run.run_id), "Review them"),
        facts,
        action: format!("/runs/{}/approve{query}", run.run_id),
        button: format!("Archive {shown} findings"),
        confirm: "I have reviewed these findings, and they are resolved.",
        ..page(visit, read, "Approve an archive", &format!("hubctl run approve {}{option}", run.run_id))
    }
}

fn page(visit: &Visit, read: &Read, title: &str, command: &str) -> Ask {
    let (run, now) = (&read.run, visit.now());
    let newer = read.newer.as_ref().map(|newer| (format!("/runs/{}", newer.run_id), time(newer.started_at, now)));
    let name = format!("{}, {}", read.account, time(run.started_at, now));
    Ask {
        frame: visit.frame("runs", title, command),
        parents: [("/runs".to_owned(), "Runs".to_owned()), (format!("/runs/{}", run.run_id), name)],
        title: title.to_owned(),
        warning: String::new(),
        review: (String::new(), ""),
        facts: Vec::new(),
        action: String::new(),
        fields: Vec::new(),
        button: String::new(),
        button_class: "btn danger primary",
        confirm: "",
        newer,
    }
}

/// `POST /runs/{id}/approve[?unproven]`
pub(crate) async fn approve(visit: Visit, Path(id): Path<String>, form: Form) -> Response {
    let is_unproven = visit.query.has("unproven");
    let path = format!("/runs/{}/approve", encoded(&id));
    let query = if is_unproven { "?unproven=1" } else { "" };
    if !form.has("seen") {
        let message = Message::new("bad", "Nothing was archived.").text("Confirm that you have reviewed the findings.");
        return visit.after(&format!("{path}{query}"), message);
    }
    let reason = form.given("reason").map(str::to_owned);
    let body = ApprovalBody { pending: (!is_unproven).then_some(true), unproven: is_unproven.then_some(true), reason };
    let request = Request::post(&*path).json(crate::view::settings::secret_body(&body));
    match visit.app.client.send::<JobView>(request).await {
        Ok(job) => {
            let message = Message::new("good", "Job submitted.")
                .text("It runs in the deployment; you can leave this page. It is recorded in the audit log.");
            visit.after(&format!("/jobs/{}", encoded(&job.value.id)), message)
        }
        Err(failed) if failed.errors().is_empty() => {
            visit.after_result(&format!("/runs/{}", encoded(&id)), Err(failed))
        }
        Err(failed) => visit.after_result(&format!("{path}{query}"), Err(failed)),
    }
}

/// `GET /runs/{id}/undo-archive`
pub(crate) async fn ask_undo(visit: Visit, Path(id): Path<String>) -> Response {
    let read = match read(&visit, &id).await {
        Ok(read) => read,
        Err(failed) => return visit.problem(&failed),
    };
    let number = read.run.counts.archived;
    if number == 0 {
        let message = Message::new("plain", "Nothing to undo.").text("This run archived nothing.");
        return visit.message_page(StatusCode::CONFLICT, "Nothing to undo", message);
    }
    let shown = count(number);
    let run = &read.run;
    let facts = vec![
        Fact::new(
            "Effect",
            format!(
                "{shown} findings that this run archived become ACTIVE again, each in its previous state. Findings that a newer run changed since are left as they are."
            ),
        ),
        Fact::new("Run", format!("{} of {}, {} UTC", kind(run.kind), read.account, time(run.started_at, visit.now()))),
        Fact::new("Cost", format!("{shown} ingestion events")),
    ];
    let command = format!("hubctl run undo-archive {}", run.run_id);
    let page = Ask {
        title: format!("Make {shown} archived findings in {} active again?", read.account),
        facts,
        action: format!("/runs/{}/undo-archive", run.run_id),
        button: "Undo the archive".to_owned(),
        newer: None,
        ..page(&visit, &read, "Undo an archive", &command)
    };
    visit.show(Ok::<_, Failed>(page))
}

/// `POST /runs/{id}/undo-archive`
pub(crate) async fn undo(visit: Visit, Path(id): Path<String>, form: Form) -> Response {
    submit(&visit, &id, "undo-archive", "Job submitted.", form.given("reason")).await
}
