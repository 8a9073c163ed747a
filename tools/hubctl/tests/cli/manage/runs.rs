//! Runs, their quarantine, and jobs for them, with the management API.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exporter::export::plan::PlanReport;
use exporter::jobs::{Job, JobReport, JobState};
use exporter::model::upload::UploadInfo;
use exporter::report::{AccountReport, ArchiveSkipped, Fate, RunKind, RunReport, RunStatus};
use exporter::testing::InMemory;
use serde_json::json;

use super::{ACCOUNT, Deployment};

pub(crate) const RUN: &str = "01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b";

pub(crate) fn run(run_id: &str, kind: RunKind) -> RunReport {
    let upload = UploadInfo {
        source: "s3://scans/scan.ocsf.json".to_owned(),
        etag: "e".to_owned(),
        bytes: 5,
        modified_at: None,
        requester: None,
    };
    let mut run = RunReport::new(run_id.to_owned(), upload, "2026-11-23T08:00:00Z".parse().unwrap());
    (run.kind, run.status) = (kind, RunStatus::Succeeded);
    run
}

/// A deployment with one run that archived a finding, has findings that are pending approval, and quarantined two.
pub(crate) fn deployment() -> Deployment {
    let deployment = Deployment::new();
    let mut run = run(RUN, RunKind::Export);
    run.status = RunStatus::Degraded;
    (run.counts.read, run.counts.archived) = (3, 1);
    run.counts.add(Fate::Sent, 1);
    run.counts.add(Fate::Quarantined("InvalidInput".to_owned()), 2);
    run.quarantine = Some(RunReport::quarantine_key(RUN));
    let archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 80, active: 120 });
    run.accounts.insert(ACCOUNT.parse().unwrap(), AccountReport { archive, ..AccountReport::default() });
    let entry =
        json!({ "stage": "delivery", "code": "InvalidInput", "message": "not today", "finding": { "Id": "f" } });
    let mut contents = deployment.memory.contents();
    contents.runs.push(run);
    contents.quarantine.insert(RUN.to_owned(), vec![entry.clone(), entry]);
    drop(contents);
    deployment
}

/// Runs jobs as the exporter does until it is dropped; each job has one run.
pub(crate) struct Exporter(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Exporter {
    pub(crate) fn of(memory: Arc<InMemory>, state: JobState) -> Self {
        Self::ending(memory, state, |_| {})
    }

    /// An exporter whose jobs end in this state, and whose runs are changed by `end`.
    pub(crate) fn ending(
        memory: Arc<InMemory>,
        state: JobState,
        end: impl Fn(&mut RunReport) + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let work = move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::park_timeout(Duration::from_millis(20));
                let mut contents = memory.contents();
                let (mut runs, mut reports) = (Vec::new(), Vec::new());
                for record in contents.jobs.iter_mut().filter(|record| record.state == JobState::Pending) {
                    record.state = state;
                    if let (JobState::Succeeded, Some(report)) = (state, report(&record.job)) {
                        reports.push((record.id.clone(), report));
                    } else if state == JobState::Succeeded {
                        let run_id = format!("run-of-{}", record.id);
                        record.runs = vec![run_id.clone()];
                        let kind =
                            if record.job.name() == "undo_archive" { RunKind::UndoArchive } else { RunKind::Export };
                        let mut made = RunReport { job_id: Some(record.id.clone()), ..run(&run_id, kind) };
                        end(&mut made);
                        runs.push(made);
                    } else {
                        record.message = Some("the upload is gone".to_owned());
                    }
                }
                contents.runs.extend(runs);
                reports.iter().for_each(|(id, report)| contents.put_job_report(id, report));
            }
        };
        Self(stop, Some(std::thread::spawn(work)))
    }
}

/// The report of a job that reports.
fn report(job: &Job) -> Option<JobReport> {
    match job {
        Job::Plan { .. } => {
            let mut planned = run("planned", RunKind::Export);
            planned.counts.read = 2;
            planned.counts.add(Fate::Sent, 2);
            let account = ACCOUNT.parse().unwrap();
            let mut part = AccountReport::default();
            let region = part.regions.entry("eu-west-1".parse().unwrap()).or_default();
            region.changes.new = 2;
            planned.accounts.insert(account, part);
            let plan = PlanReport { run: planned, disabled: [(account, account.into())].into() };
            Some(JobReport { plan: Some(plan), ..JobReport::default() })
        }
        Job::Explain { finding_id, .. } => {
            let explanation = json!({
                "id": finding_id,
                "name": { "check": "a", "account": ACCOUNT, "region": "eu-west-1", "hash": "0123456ab" },
                "exported_state": [], "quarantine": [], "runs": [], "security_hub": [], "notes": ["it is \u{1b}[31mred"],
            });
            Some(JobReport { explanation: serde_json::from_value(explanation).ok(), ..JobReport::default() })
        }
        _ => None,
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.take().unwrap().join().unwrap();
    }
}

#[test]
fn runs_and_their_quarantine_are_read_through_the_function() {
    let deployment = deployment();
    let listed = deployment.json("run list");
    assert_eq!(listed[0]["run_id"], RUN);
    assert_eq!(deployment.json("run list --account 999999999999"), json!([]));
    let shown = deployment.run(&format!("run show {RUN}"));
    assert_eq!(shown.exit, 3, "{}", shown.stderr);
    insta::assert_snapshot!("run_show", shown.stdout);
    assert_eq!(deployment.json("quarantine list")[0]["quarantined"], json!({ "InvalidInput": 2 }));
    let entries = deployment.json(&format!("quarantine list {RUN}"));
    assert_eq!((&entries[1]["number"], &entries[1]["message"]), (&json!(2), &json!("not today")));
    let entry = deployment.json(&format!("quarantine show {RUN} --entry 2"));
    assert_eq!(entry, json!([deployment.memory.contents().quarantine[RUN][1]]));
    let missing = deployment.run(&format!("quarantine show {RUN} --entry 3"));
    assert_eq!(missing.exit, 1, "{}", missing.stdout);
    let nobody = deployment.run("run show nobody");
    assert!(nobody.stderr.contains("run nobody not found") && nobody.stderr.contains("hubctl run list"));
}

#[test]
fn a_command_waits_for_its_job_and_shows_the_runs() {
    let deployment = deployment();
    let exporter = Exporter::of(deployment.memory.clone(), JobState::Succeeded);
    for (line, is_list) in [
        (format!("run replay {RUN}"), false),
        (format!("run approve {RUN} --yes"), false),
        (format!("run undo-archive {RUN} --yes"), true),
        (format!("quarantine redrive {RUN} --code InvalidInput"), true),
        ("quarantine redrive".to_owned(), true),
    ] {
        let result = deployment.json(&line);
        let result = if is_list { &result[0] } else { &result };
        let record = deployment.memory.contents().jobs.last().unwrap().clone();
        assert_eq!((&result["job_id"], record.state), (&json!(record.id), JobState::Succeeded), "{line}");
    }
    let compared = deployment.run(&format!("reconcile --account {ACCOUNT} --regions eu-west-1 --dry-run"));
    assert_eq!(compared.exit, 0, "{}", compared.stderr);
    drop(exporter);
    let run_id = || RUN.to_owned();
    assert_eq!(
        deployment.memory.contents().submitted_jobs(),
        [
            Job::Replay { run_id: run_id(), next_run_ids: Vec::new() },
            Job::Approve { run_id: run_id(), pending: false, unproven: false },
            Job::UndoArchive { run_id: run_id() },
            Job::Redrive { run_id: Some(run_id()), code: Some("InvalidInput".to_owned()) },
            Job::Redrive { run_id: None, code: None },
            Job::Reconcile {
                provider: Some(ACCOUNT.parse().unwrap()),
                regions: vec!["eu-west-1".parse().unwrap()],
                dry_run: true,
            },
        ]
    );
    let jobs = deployment.json("job list --limit 2");
    assert_eq!((jobs[0]["job"].as_str(), jobs[1]["job"].as_str()), (Some("reconcile"), Some("redrive")));
}

#[test]
fn the_reason_of_a_job_is_sent_and_shown() {
    let deployment = deployment();
    let job = deployment.json(&format!("run approve {RUN} --yes --no-wait --reason SEC-42"));
    assert_eq!(job["reason"], "SEC-42");
    let id = job["id"].as_str().unwrap();
    // The API rejects control characters. If the table contains some anyway, they are escaped in the output.
    {
        let contents = &mut *deployment.memory.contents();
        let hostile = Some("SEC-42\u{1b}[31m".to_owned());
        (contents.jobs[0].reason, contents.audit_log.last_mut().unwrap().reason) = (hostile.clone(), hostile);
    }
    for line in [format!("job show {id}"), "job list".to_owned(), "audit".to_owned()] {
        let shown = deployment.run(&line).stdout;
        assert!(shown.contains("SEC-42\\u{1b}[31m") && !shown.contains('\u{1b}'), "{line}: {shown}");
    }
    for line in ["--reason=", "--reason SEC-42 --state x"] {
        assert_eq!(deployment.run(&format!("run replay {RUN} {line}")).exit, 2, "{line}");
    }
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let deleted = deployment.json(&format!("integration delete {ACCOUNT} --yes --archive --reason closed"));
    assert_eq!(deleted["job"], deployment.memory.contents().jobs.last().unwrap().id.as_str());
    assert_eq!(deployment.memory.contents().audit_log.last().unwrap().reason.as_deref(), Some("closed"));
}

#[test]
fn a_plan_and_an_explanation_are_made_by_the_deployment() {
    let deployment = deployment();
    let exporter = Exporter::of(deployment.memory.clone(), JobState::Succeeded);
    let planned = deployment.run("plan s3://scans/scan.ocsf.json --events-this-month 10000 --output json");
    assert_eq!(planned.exit, 0, "{}", planned.stderr);
    let plan: serde_json::Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(
        (&plan["regions"][0]["new"], &plan["events"], &plan["dollars"]),
        (&json!(2), &json!(2), &json!(0.00006))
    );
    assert!(planned.stderr.contains("is disabled") && planned.stderr.contains("--replay"), "{}", planned.stderr);
    let finding_id = format!("prowler-a-{ACCOUNT}-eu-west-1-0123456ab");
    let explained = deployment.json(&format!("explain {finding_id} --live"));
    assert_eq!(explained["id"], finding_id.as_str());
    let shown = deployment.run(&format!("explain {finding_id}"));
    assert!(shown.exit == 0 && shown.stdout.contains("it is \\u{1b}[31mred"), "{}", shown.stdout);
    drop(exporter);
    let jobs = deployment.memory.contents().submitted_jobs();
    assert_eq!(jobs[0], Job::Plan { source: "s3://scans/scan.ocsf.json".to_owned() });
    assert_eq!(jobs[1], Job::Explain { finding_id, live: true });
    assert!(deployment.actions().is_empty(), "the audit log has changes only");
    let id = deployment.memory.contents().jobs[0].id.clone();
    let shown = deployment.run(&format!("job show {id}"));
    assert!(shown.exit == 0 && shown.stdout.contains("Expected status"), "{}", shown.stdout);

    let exporter = Exporter::of(deployment.memory.clone(), JobState::Rejected);
    let rejected = deployment.run("plan s3://scans/none");
    assert_eq!((rejected.exit, rejected.stderr.contains("the upload is gone")), (1, true), "{}", rejected.stderr);
    drop(exporter);
}

#[test]
fn what_needs_attention_is_listed_with_the_commands_that_fix_it() {
    let deployment = deployment();
    let listed = deployment.json("attention");
    let item = &listed["items"][0];
    assert_eq!((&item["kind"], &item["run_id"]), (&json!("quarantine"), &json!(RUN)), "{listed}");
    let shown = deployment.run("attention");
    assert_eq!(shown.exit, 0, "{}", shown.stderr);
    for part in ["What", "Where", "Message", "quarantine", "What to do\n* hubctl quarantine"] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    deployment.memory.contents().runs.clear();
    let nothing = deployment.run("attention");
    assert!(nothing.exit == 0 && nothing.stderr.contains("Nothing needs attention. No scan"), "{}", nothing.stderr);
}

#[test]
fn a_job_submitted_with_no_wait_can_be_shown_later() {
    let deployment = deployment();
    let message = deployment.json(&format!("run replay {RUN} --no-wait"));
    assert_eq!(message["state"], "pending");
    let id = message["id"].as_str().unwrap();
    deployment.memory.contents().jobs[0].submitted_at = "2026-11-23T09:00:00Z".parse().unwrap();
    let shown = deployment.run(&format!("job show {id}"));
    insta::assert_snapshot!("job_show", shown.stdout.replace(id, "JOB"));
    let listed = deployment.run("job list");
    insta::assert_snapshot!("job_list", listed.stdout.replace(id, &"o".repeat(id.len())));
    let exporter = Exporter::of(deployment.memory.clone(), JobState::Succeeded);
    let waited = deployment.json(&format!("job show {id} --wait"));
    assert_eq!(waited[0]["job_id"], id);
    drop(exporter);
}

#[test]
fn a_rejected_job_fails_with_the_reason() {
    let deployment = deployment();
    let exporter = Exporter::of(deployment.memory.clone(), JobState::Rejected);
    let refused = deployment.run(&format!("run replay {RUN}"));
    assert_eq!(refused.exit, 1, "{}", refused.stdout);
    assert!(refused.stderr.contains("the job was rejected: the upload is gone"), "{}", refused.stderr);
    drop(exporter);
    // If a rejection is known before the job is submitted, no job is submitted.
    deployment.memory.contents().runs[0].counts.archived = 0;
    let nothing = deployment.run(&format!("run undo-archive {RUN} --yes"));
    assert!(nothing.stderr.contains("archived nothing"), "{}", nothing.stderr);
    assert_eq!(deployment.memory.contents().jobs.len(), 1);
}

#[test]
fn a_failed_job_is_shown_with_the_command_that_retries_it() {
    let deployment = deployment();
    let message = deployment.json(&format!("run replay {RUN} --no-wait"));
    let id = message["id"].as_str().unwrap();
    let exporter = Exporter::of(deployment.memory.clone(), JobState::Failed);
    let failed = deployment.run(&format!("job show {id} --wait"));
    assert_eq!(failed.exit, 1, "{}", failed.stdout);
    assert!(failed.stderr.contains("the job failed: the upload is gone"), "{}", failed.stderr);
    drop(exporter);
    let shown = deployment.run(&format!("job show {id}"));
    assert_eq!(shown.exit, 1);
    assert!(shown.stdout.contains(&format!("hubctl job retry {id}")), "{}", shown.stdout);

    let pending = deployment.json(&format!("job retry {id} --no-wait"));
    assert_eq!((&pending["id"], &pending["state"]), (&message["id"], &"pending".into()));
    let exporter = Exporter::of(deployment.memory.clone(), JobState::Succeeded);
    let complete = deployment.json(&format!("job show {id} --wait"));
    assert_eq!(complete[0]["job_id"], id);
    drop(exporter);
    let again = deployment.run(&format!("job retry {id}"));
    assert_eq!(again.exit, 1, "{}", again.stdout);
    assert!(again.stderr.contains("only a failed job can be retried"), "{}", again.stderr);
    let actions = deployment.json("audit");
    assert_eq!((&actions[0]["action"], &actions[0]["target"]), (&"job.retry".into(), &message["id"]));
}

#[test]
fn a_superseded_run_can_not_be_approved() {
    let deployment = deployment();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let mut contents = deployment.memory.contents();
    contents.runs[0].scanned_at = Some("2026-11-23T07:00:00Z".parse().unwrap());
    let mut newer = contents.runs[0].clone();
    newer.run_id = "01936f2e-9999-7c41-9a3b-0c2d5e6f7a8b".to_owned();
    newer.scanned_at = Some("2026-11-23T08:00:00Z".parse().unwrap());
    contents.runs.push(newer);
    drop(contents);
    let ended = deployment.run(&format!("run approve {RUN} --yes"));
    assert_eq!(ended.exit, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("hubctl run approve 01936f2e-9999-7c41-9a3b-0c2d5e6f7a8b"), "{}", ended.stderr);
    assert!(deployment.memory.contents().jobs.is_empty());
}

#[test]
fn pending_findings_are_listed_and_approved_by_kind() {
    let deployment = deployment();
    let finding = |number: usize| {
        json!({"account": ACCOUNT, "finding_id": format!("f{number}"), "check_id": "iam_user_mfa", "service": "iam",
            "region": "us-east-1", "severity": "HIGH", "resource_id": "arn:aws:iam::1:user/a", "class": "unproven",
            "first_observed_at": "2026-11-01T00:00:00Z", "reason": "manual_check"})
    };
    let mut contents = deployment.memory.contents();
    contents.pending.insert(RUN.to_owned(), (0..1_234).map(finding).collect());
    let part = contents.runs[0].accounts.get_mut(&ACCOUNT.parse().unwrap()).unwrap();
    part.counts.unproven = 1_234;
    drop(contents);
    let all = deployment.json(&format!("run pending {RUN}"));
    assert_eq!(all.as_array().unwrap().len(), 1_234, "more than a page");
    let table = deployment.run(&format!("run pending {RUN} --limit 1")).stdout;
    assert!(table.contains("1,234 unproven findings stay active") && table.contains("and 1,233 more"), "{table}");
    let csv = deployment.run(&format!("run pending {RUN} --format csv")).stdout;
    assert_eq!(csv.lines().count(), 1_235);
    assert!(csv.starts_with("account,finding_id,"), "{csv}");

    deployment.json(&format!("run approve {RUN} --unproven --yes --no-wait"));
    deployment.json(&format!("run approve {RUN} --pending --unproven --yes --no-wait"));
    let approved = |pending| Job::Approve { run_id: RUN.to_owned(), pending, unproven: true };
    assert_eq!(deployment.memory.contents().submitted_jobs(), [approved(false), approved(true)]);
}

#[test]
fn undo_archive_requires_confirmation() {
    let deployment = deployment();
    assert_eq!(deployment.run_with(&format!("run undo-archive {RUN}"), "yes\n").exit, 2, "a pipe can't confirm");
    assert!(deployment.memory.contents().jobs.is_empty());
}

#[test]
fn approve_requires_confirmation() {
    let deployment = deployment();
    let ended = deployment.run_with(&format!("run approve {RUN}"), "yes\n");
    assert_eq!(ended.exit, 2, "a pipe can't confirm");
    assert!(deployment.memory.contents().jobs.is_empty());
}
