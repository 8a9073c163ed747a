use exporter::jobs::Job;
use exporter::model::integration::{Credentials, Role};
use exporter::model::upload::UploadInfo;
use exporter::report::{AccountReport, ArchiveSkipped};

use super::*;

const ACCOUNT: &str = "123456789012";

fn at(text: &str) -> Timestamp {
    format!("2026-11-23T{text}Z").parse().unwrap()
}

fn stored<T>(value: T) -> Stored<T> {
    let then = at("00:00:00");
    Stored { value, version: 1, created_at: then, updated_at: then, updated_by: String::new(), last_applied: None }
}

fn integration() -> Integration {
    Integration::new(ACCOUNT.parse::<ProviderId>().unwrap())
}

#[test]
fn no_enabled_integration_is_a_problem() {
    let off = || stored(integration().with(|settings| settings.enabled = false));
    assert!(enabled(&[]).is_bad());
    let all_off = enabled(&[off(), off()]);
    assert!(all_off.is_bad() && all_off.remediation.unwrap().starts_with("hubctl integration enable 123456789012"));
    assert_eq!(enabled(&[off(), stored(integration())]), Finding::ok("integrations", "1 of 2 enabled"));
}

#[test]
fn a_deletion_that_failed_or_hangs_is_a_problem() {
    let removing = Integration { deletion_requested_at: Some(at("08:00:00")), ..integration() };
    let job =
        Job::ArchiveAll { provider: removing.provider.clone(), deletion_requested_at: removing.deletion_requested_at };
    let mut job = JobRecord::new("j1".to_owned(), job, at("08:00:01"), "ada");
    let of = |job: &JobRecord, now| deletion(&removing, std::slice::from_ref(job), at(now));
    assert_eq!(of(&job, "08:30:00"), None, "the job is running");
    assert!(of(&job, "11:00:00").unwrap().is_bad(), "it hangs");
    job.state = JobState::Rejected;
    job.message = Some("the account can't be reached".to_owned());
    let refused = of(&job, "08:30:00").unwrap();
    assert!(refused.message.contains("j1 has not completed (the account can't be reached)"), "{refused:?}");
    assert_eq!(deletion(&integration(), &[], at("11:00:00")), None);
}

#[test]
fn a_role_that_the_functions_can_not_assume_is_a_problem() {
    let by = |credentials| Integration { credentials: Some(credentials), ..integration() };
    let role = |name: &str| Some(Role::new(format!("arn:aws:iam::123456789012:role/{name}")));
    let of = |credentials| super::role(&by(credentials), &[], "SecurityHubExporter*");
    assert_eq!(of(Credentials::Default { role: role("SecurityHubExporterEu") }), None);
    let other = of(Credentials::Default { role: role("Foo") }).unwrap();
    assert!(other.is_bad() && other.message.contains("only roles SecurityHubExporter*, not Foo"), "{other:?}");
    assert_eq!(
        of(Credentials::Static { secret: "s".to_owned(), role: role("Foo") }),
        None,
        "the access key assumes the role"
    );
    let provider =
        Provider { credentials: Credentials::Default { role: role("Foo") }, ..Provider::new(integration().provider) };
    assert!(super::role(&integration(), &[stored(provider)], "SecurityHubExporter*").is_some());
}

#[test]
fn overdue_scans_are_listed_with_their_due_time() {
    let account = ACCOUNT.parse().unwrap();
    let late = scan_finding(3, &[(account, at("08:00:00"))]);
    assert!(late.is_bad() && late.message.contains("123456789012 since 2026-11-23 08:00:00 UTC"), "{late:?}");
    assert_eq!(scan_finding(3, &[]).message, "none of 3 accounts with a schedule overdue");
}

fn run(id: &str, status: RunStatus, account: Option<AccountReport>) -> RunReport {
    let upload =
        UploadInfo { source: "s3://b/k".to_owned(), etag: String::new(), bytes: 1, modified_at: None, requester: None };
    let mut run = RunReport::new(id.to_owned(), upload, at("08:00:00"));
    run.status = status;
    run.accounts = account.into_iter().map(|report| (ACCOUNT.parse().unwrap(), report)).collect();
    run
}

#[test]
fn only_the_newest_export_of_an_account_is_checked() {
    let report = || Some(AccountReport::default());
    let held = || {
        let archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 30, active: 40 });
        Some(AccountReport { archive, ..AccountReport::default() })
    };
    let is_well = |runs: &[RunReport]| exports(runs).iter().all(|finding| !finding.is_bad());
    assert!(is_well(&[]));
    assert!(is_well(&[run("2", RunStatus::Succeeded, report()), run("1", RunStatus::Failed, report())]));
    assert!(is_well(&[run("2", RunStatus::Succeeded, report()), run("1", RunStatus::Succeeded, held())]));
    let [failed] =
        exports(&[run("2", RunStatus::Failed, report()), run("1", RunStatus::Succeeded, report())]).try_into().unwrap();
    assert!(failed.is_bad() && failed.remediation.as_deref() == Some("hubctl run show 2"), "{failed:?}");
    assert!(!is_well(&[run("1", RunStatus::Failed, None)]), "it is the newest export of its upload");
    let [held] =
        exports(&[run("3", RunStatus::Duplicate, report()), run("2", RunStatus::Degraded, held())]).try_into().unwrap();
    assert!(held.is_bad() && held.remediation.unwrap().contains("hubctl run approve 2"));
}
