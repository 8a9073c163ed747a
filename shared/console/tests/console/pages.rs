//! The behavior of pages: each action, its result, and the response to failures.

use axum::http::StatusCode;
use exporter::jobs::{Job, JobState, JobStore};

use crate::host::sample::RUN;
use crate::host::{Browser, hidden, plain};

/// Posts a form, and returns the page that it redirects to.
pub(crate) async fn follow(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> String {
    let reply = browser.post(path, fields).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{path}: {}", reply.text);
    browser.get(reply.location()).await.text
}

#[tokio::test]
async fn every_page_responds_and_shows_its_command() {
    let browser = Browser::open().await;
    for path in [
        "/integrations",
        "/integrations?view=table&status=Degraded",
        "/integrations?q=nobody",
        "/integrations/new",
        "/integrations/123456789012?regions=all",
        "/integrations/o-a1b2c3d4e5",
        "/integrations/123456789012/config",
        "/integrations/456789012345/credentials",
        "/integrations/210987654321/delete",
        "/runs?status=Failed",
        "/runs?account=123456789012&wait=1",
        &format!("/runs/{RUN}"),
        &format!("/runs/{RUN}/pending?why=unproven"),
        &format!("/runs/{RUN}/approve"),
        &format!("/runs/{RUN}/approve?unproven=1"),
        &format!("/runs/{RUN}/quarantine?code=InvalidInput"),
        &format!("/runs/{RUN}/quarantine/1"),
        "/quarantine",
        "/accounts?status=Degraded&sort=account&size=100",
        "/accounts?of=o-a1b2c3d4e5&sort=-problem",
        "/accounts/123456789012?regions=all",
        "/accounts/123456789012/reconcile?region=eu-west-1",
        "/doctor?show=all&regions=all",
        "/doctor?wait=1",
        "/explain",
        "/plan?key=s3://scans/scan.json",
        "/explain?id=prowler-s3_bucket_acl-123456789012-eu-west-1-0123456ab&live=on",
        "/jobs",
        "/jobs/0193a20f-1c7a-7e02-8b11-4d5e6f7a8b9c",
        "/audit?what=Jobs",
    ] {
        let reply = browser.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        assert_eq!(reply.text.matches("<h1").count(), 1, "{path}");
        assert!(reply.text.contains("CLI equivalent: <code>hubctl "), "{path}");
        assert!(reply.text.len() < 256 * 1024, "{path}: {} bytes", reply.text.len());
    }
    for path in [
        "/integrations/999999999999",
        "/runs/none",
        "/jobs/none",
        "/nothing",
        "/runs/x/quarantine/9",
        "/accounts/1",
        "/accounts/999999999999",
        "/doctor/9",
        "/plan/9/export",
    ] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_counts_of_a_run_add_up_on_its_page() {
    let browser = Browser::open().await;
    let page = browser.get(&format!("/runs/{RUN}")).await.text;
    assert!(page.contains("The counts add up"));
    for part in ["<b>24,816</b> read", "<b>412</b> sent", "<b>21,102</b> filtered", "<b>11</b> quarantined"] {
        assert!(page.contains(part), "{part}");
    }
    browser.host.memory.contents().runs.iter_mut().for_each(|run| run.counts.read += 7);
    let page = browser.get(&format!("/runs/{RUN}")).await.text;
    assert!(page.contains("The counts don&#39;t add up: 7 findings unaccounted for"));
}

#[tokio::test]
async fn a_message_is_shown_only_on_the_page_after_its_action() {
    let browser = Browser::open().await;
    let page = follow(&browser, "/integrations/210987654321/test", &[]).await;
    assert!(page.contains("Connection test passed.") && page.contains("role=\"status\""));
    assert!(!browser.get("/integrations/210987654321").await.text.contains("Connection test passed."));
    let page = follow(&browser, "/integrations/345678901234/test", &[]).await;
    assert!(page.contains("Connection test failed.") && page.contains("role=\"alert\""));
}

#[tokio::test]
async fn a_change_is_made_to_the_version_that_the_page_shows() {
    let browser = Browser::open().await;
    let path = "/integrations/123456789012/config";
    let page = browser.get(path).await.text;
    let (etag, was) = (plain(hidden(&page, "etag")), plain(hidden(&page, "was")));
    assert!(!etag.is_empty() && was.contains("archive_limit_percent"), "{was}");
    let settings: std::collections::BTreeMap<String, String> = serde_json::from_str(&was).unwrap();
    let form = |changes: &[(&str, &str)], without: &str| {
        let mut fields = settings.clone();
        fields.remove(without);
        fields.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        fields.extend([("etag".to_owned(), etag.clone()), ("was".to_owned(), was.clone())]);
        fields
    };
    let send = async |fields: &std::collections::BTreeMap<String, String>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post(path, &fields).await
    };
    // Another user turns archiving off. Then this user, whose page shows the previous version, changes the severity.
    assert_eq!(send(&form(&[], "archive_previous_findings")).await.status, StatusCode::SEE_OTHER);
    let conflict = send(&form(&[("severity_min", "HIGH")], "")).await;
    assert_eq!(conflict.status, StatusCode::PRECONDITION_FAILED);
    for part in ["Your change is not saved yet.", "Archive previous findings", "Save mine: Minimum severity: High"] {
        assert!(conflict.text.contains(part), "{part}");
    }
    // The form of the conflict page saves only what this user changed.
    let names = ["etag", "was", "severity_min", "archive_limit_percent", "muted", "provider", "alias", "absent_scans"];
    let names = names.into_iter().chain([
        "partial_scan_percent",
        "resend",
        "format",
        "archive_scope",
        "only_failed",
        "fallback_region",
        "scan_schedule",
    ]);
    let fields: Vec<(&str, String)> = names.map(|name| (name, plain(hidden(&conflict.text, name)))).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = follow(&browser, path, &fields).await;
    assert!(page.contains("Changed: Minimum severity."), "only the severity is changed");
    let stored = browser.host.memory.contents().integrations["123456789012"].value.clone();
    assert!(!stored.archive_previous_findings && stored.severity_min.is_some());
}

#[tokio::test]
async fn field_errors_are_shown_at_their_fields() {
    let browser = Browser::open().await;
    let reply = browser.post("/integrations/new", &[("provider", "12345"), ("own", "no")]).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply.text.contains("1 field needs correction. Nothing was created."));
    assert!(reply.text.contains("href=\"#provider\"") && reply.text.contains("id=\"provider-e\""));
    let reply = browser.post("/integrations/new", &[("provider", "123456789012"), ("own", "no")]).await;
    assert!(reply.status == StatusCode::CONFLICT && reply.text.contains("Already has an integration"));
}

#[tokio::test]
async fn irreversible_actions_require_a_confirmation() {
    let browser = Browser::open().await;
    let path = "/integrations/210987654321/delete";
    let etag = plain(hidden(&browser.get(path).await.text, "etag"));
    let wrong = browser.post(path, &[("etag", &etag), ("archive", "no"), ("confirm", "999999999999")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(browser.host.memory.contents().integrations.contains_key("210987654321"));
    let page = follow(&browser, path, &[("etag", &etag), ("archive", "no"), ("confirm", "210987654321")]).await;
    assert!(page.contains("Integration 210987654321 deleted."));
    let page = follow(&browser, &format!("/runs/{RUN}/approve"), &[]).await;
    assert!(page.contains("Confirm that you have reviewed the findings."));
    assert_eq!(browser.host.memory.contents().submitted_jobs().len(), 3, "no job was submitted");
}

#[tokio::test]
async fn approving_replaying_and_redriving_submit_jobs() {
    let browser = Browser::open().await;
    let page = follow(&browser, &format!("/runs/{RUN}/approve"), &[("seen", "on")]).await;
    assert!(page.contains("Job submitted.") && page.contains("hx-sse:connect=\"/jobs/"));
    follow(&browser, &format!("/runs/{RUN}/approve?unproven=1"), &[("seen", "on")]).await;
    follow(&browser, &format!("/runs/{RUN}/replay"), &[]).await;
    follow(&browser, "/quarantine/redrive?code=InvalidInput", &[]).await;
    let jobs = browser.host.memory.contents().submitted_jobs();
    let is_approval =
        |job: &Job, unproven_wanted: bool| matches!(job, Job::Approve { unproven, .. } if *unproven == unproven_wanted);
    assert!(is_approval(&jobs[3], false) && is_approval(&jobs[4], true), "{jobs:?}");
    assert!(matches!(&jobs[5], Job::Replay { run_id, .. } if run_id == RUN));
    assert!(matches!(&jobs[6], Job::Redrive { run_id: None, code: Some(code) } if code == "InvalidInput"));
}

#[tokio::test]
async fn a_reason_is_shown_as_text_on_the_job_and_in_the_audit_log() {
    let browser = Browser::open().await;
    let why = "SEC-42 <script>alert(1)</script>";
    let shown = "SEC-42 &#60;script&#62;alert(1)&#60;/script&#62;";
    assert!(browser.get(&format!("/runs/{RUN}/approve")).await.text.contains("(saved in the audit log)"));
    let page = follow(&browser, &format!("/runs/{RUN}/approve"), &[("seen", "on"), ("reason", why)]).await;
    assert!(page.contains(shown) && !page.contains("<script>alert"), "{page}");
    let page = follow(&browser, &format!("/runs/{RUN}/approve"), &[("seen", "on"), ("reason", "two\nlines")]).await;
    assert!(page.contains("must have 1 to 500 characters"), "{page}");
    let path = "/integrations/210987654321/delete";
    let etag = plain(hidden(&browser.get(path).await.text, "etag"));
    let fields = [("etag", etag.as_str()), ("archive", "yes"), ("confirm", "210987654321"), ("reason", why)];
    let page = follow(&browser, path, &fields).await;
    assert!(page.contains("Archive all: 210987654321") && page.contains(shown), "{page}");
    let log = browser.get("/audit").await.text;
    assert_eq!((log.matches(shown).count(), log.contains("<script>alert")), (2, false));
}

#[tokio::test]
async fn a_failure_of_the_deployment_is_a_page_with_its_cause() {
    let browser = Browser::open().await;
    browser.host.memory.contents().faults.fail_all("the connection timed out");
    let reply = browser.get("/integrations").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.text.contains("the connection timed out") && reply.text.contains("role=\"alert\""));
}

#[tokio::test]
async fn the_event_stream_of_a_job_ends_with_the_job() {
    let browser = Browser::open().await;
    let done = "0193a1f0-0000-7e02-8b11-000000000001";
    let reply = browser.get(&format!("/jobs/{done}/events")).await;
    assert_eq!(reply.headers["content-type"], "text/event-stream");
    assert!(reply.text.contains("succeeded") && reply.text.ends_with("event: done\ndata: done\n\n"), "{}", reply.text);
}

#[tokio::test]
async fn a_pending_job_shows_its_progress() {
    let browser = Browser::open().await;
    let id = "0193a20f-1c7a-7e02-8b11-4d5e6f7a8b9c";
    let page = browser.get(&format!("/jobs/{id}")).await.text;
    assert!(!page.contains("<progress"), "no progress is known yet");
    let region = |done| exporter::jobs::RegionProgress { done, total: Some(2_410) };
    let progress = exporter::jobs::JobProgress {
        done: 3_100,
        total: Some(5_210),
        regions: [("eu-west-1".parse().unwrap(), region(1_204))].into(),
        updated_at: jiff::Timestamp::now(),
    };
    assert!(JobStore::record_progress(browser.host.memory.as_ref(), id, &progress).await.unwrap());
    let page = browser.get(&format!("/jobs/{id}")).await.text;
    assert!(page.contains("<progress max=\"5210\" value=\"3100\""), "{page}");
    assert!(page.contains("<b>3,100 of 5,210 findings</b>") && page.contains("eu-west-1 1,204 of 2,410"), "{page}");
    let unknown = exporter::jobs::JobProgress { total: None, ..progress };
    assert!(JobStore::record_progress(browser.host.memory.as_ref(), id, &unknown).await.unwrap());
    let page = browser.get(&format!("/jobs/{id}")).await.text;
    assert!(!page.contains("<progress") && page.contains("<b>3,100 findings</b>"), "{page}");
}

#[tokio::test]
async fn the_pages_of_an_empty_deployment_state_what_to_do_next() {
    let browser = Browser::open().await;
    *browser.host.memory.contents() = exporter::testing::Contents::default();
    for (path, words) in [
        ("/integrations", "No integrations yet"),
        ("/runs", "No runs yet"),
        ("/quarantine", "No findings in quarantine"),
        ("/accounts", "No account was checked yet"),
        ("/doctor", "No account was checked yet"),
        ("/jobs", "No jobs yet"),
        ("/audit", "Nothing was changed yet"),
        ("/runs/history", "No run ended in the last 30 days"),
    ] {
        let reply = browser.get(path).await;
        assert!(reply.status == StatusCode::OK && reply.text.contains(words), "{path}: {}", reply.text);
    }
    let reply = browser.get("/integrations/new").await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn the_page_of_a_thousand_accounts_has_a_limited_size() {
    let browser = Browser::open().await;
    {
        let contents = &mut *browser.host.memory.contents();
        let like = contents.connections.values().find(|one| one.provider.as_str().starts_with("o-")).unwrap().clone();
        for number in 0..1_000_u64 {
            let account: asff::AccountId = format!("{:012}", 700_000_000_000 + number).parse().unwrap();
            contents.connections.insert(account, exporter::connection::Connection { account, ..like.clone() });
        }
    }
    for path in ["/accounts?size=250", "/doctor?show=all", "/integrations", "/integrations/o-a1b2c3d4e5"] {
        let reply = browser.get(path).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert!(reply.text.len() < 512 * 1024, "{path}: {} bytes", reply.text.len());
    }
    let csv = browser.get("/doctor.csv").await.text;
    assert!(csv.lines().count() > 1_000);
}

#[tokio::test]
async fn a_disabled_integration_is_enabled_and_replayed_with_one_click() {
    let browser = Browser::open().await;
    let page = browser.get("/integrations/456789012345").await.text;
    assert!(page.contains("Enable and replay"));
    let page = follow(&browser, "/integrations/456789012345/enable?replay=1", &[("etag", "")]).await;
    assert!(page.contains("Enabled") && !page.contains("Enable and replay"));
}

#[tokio::test]
async fn the_search_box_detects_ids_by_their_format() {
    let browser = Browser::open().await;
    for (text, path) in [
        ("123456789012", "/integrations/123456789012"),
        ("600000000000", "/accounts/600000000000"),
        (RUN, "/runs/0193a1c4-7d5e-7c41-9a3b-0c2d5e6f7a8b"),
        ("0193a20f-1c7a-7e02-8b11-4d5e6f7a8b9c", "/jobs/0193a20f-1c7a-7e02-8b11-4d5e6f7a8b9c"),
        ("prod", "/integrations?q=prod"),
    ] {
        assert_eq!(browser.get(&format!("/go?q={text}")).await.location(), path);
    }
}

#[tokio::test]
async fn documents_of_a_role_are_downloads_with_fixed_names() {
    let browser = Browser::open().await;
    let page = browser.get("/integrations/123456789012/credentials").await.text;
    assert!(page.contains("href=\"/integrations/123456789012/documents/role.yaml\""));
    let reply = browser.get("/integrations/567890123456/documents/trust.json?external_id=abc").await;
    assert_eq!(reply.headers["content-disposition"], "attachment; filename=\"trust.json\"");
    assert_eq!(reply.text, "# trust-policy of 567890123456\n");
    assert_eq!(browser.get("/integrations/123456789012/documents/other").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn explanations_are_shown_as_text_and_problems_come_first() {
    let browser = Browser::open().await;
    let id = "prowler-s3_bucket_acl-123456789012-eu-west-1-0123456ab";
    let started = browser.post("/explain", &[("id", id), ("live", "on")]).await;
    let path = started.location().strip_suffix("?live=on").unwrap();
    assert!(browser.get(path).await.text.contains("aria-busy"), "the page is shown before the result");
    complete(&browser);
    let page = browser.get(&format!("{path}/result")).await.text;
    assert!(
        page.contains("severity changed") && page.contains("&#60;script&#62;") && !page.contains("<script>"),
        "{page}"
    );
    for wrong in [browser.get("/explain?id=finding").await, browser.post("/explain", &[("id", "finding")]).await] {
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.text.contains("Must be the ID of a Prowler finding"));
    }
    let page = browser.get("/doctor/deployment").await.text;
    let place = |text: &str| page.find(text).unwrap();
    assert!(place("dead-letter queue") < place("alarms") && place("alarms") < place("scan bucket"), "{page}");
}

#[tokio::test]
async fn a_plan_changes_nothing_and_is_shown_when_it_is_ready() {
    let browser = Browser::open().await;
    let wrong = browser.upload("/plan", None, &[("key", "scan.json"), ("events", "0")]).await;
    assert!(
        wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.text.contains("enter an object as s3://BUCKET/KEY")
    );
    let started = browser.upload("/plan", None, &[("key", "s3://scans/scan.json"), ("events", "20000")]).await;
    assert_eq!(started.status, StatusCode::SEE_OTHER);
    let path = started.location().strip_suffix("?events=20000").unwrap();
    let is_plan = |job: &Job| matches!(job, Job::Plan { source } if source == "s3://scans/scan.json");
    assert!(is_plan(browser.host.memory.contents().submitted_jobs().last().unwrap()), "the deployment makes the plan");
    assert!(browser.get(path).await.text.contains("aria-busy"), "the page is shown before the result");
    complete(&browser);
    let panel = browser.get(&format!("{path}/result?events=20000")).await.text;
    for part in ["s3://scans/scan.json", "The counts add up", "Estimated cost", "$0.01", "<b>24,816</b> read"] {
        assert!(panel.contains(part), "{part}: {panel}");
    }
    assert!(!browser.get(path).await.text.contains("aria-busy"));
    // Next, the path of a job of another type, and a job that is rejected.
    assert_eq!(browser.get(&path.replace("/plan/", "/explain/")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/plan/none").await.status, StatusCode::NOT_FOUND);
    {
        let contents = &mut *browser.host.memory.contents();
        let job = contents.jobs.last_mut().unwrap();
        (job.state, job.message) = (JobState::Rejected, Some("s3://scans/<b> does not exist".to_owned()));
    }
    let page = browser.get(path).await.text;
    assert!(page.contains("There is no result.") && page.contains("S3://scans/&#60;b&#62; does not exist"), "{page}");
}

/// Completes the newest job with its report, as the deployment does.
fn complete(browser: &Browser) {
    let contents = &mut *browser.host.memory.contents();
    let job = contents.jobs.last_mut().unwrap();
    job.state = JobState::Succeeded;
    let (id, report) = (job.id.clone(), crate::sample::report(&job.job, job.submitted_at).unwrap());
    contents.put_job_report(&id, &report);
}
