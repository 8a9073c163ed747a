//! Files from the operator's disk are planned as they arrive, and exported as planned.

use std::path::Path;

use axum::http::StatusCode;
use exporter::report::RunReport;

use crate::host::{Browser, Host, plain};

/// The account of the scans.
const ACCOUNT: &str = "123456789012";

fn scan(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scans").join(name)).unwrap()
}

/// A console without a newer scan of the account.
async fn open() -> Browser {
    let browser = Browser::open().await;
    browser.host.memory.contents().account_locks.remove(&ACCOUNT.parse().unwrap());
    browser
}

fn runs(browser: &Browser) -> Vec<RunReport> {
    browser.host.memory.contents().runs.clone()
}

fn findings(browser: &Browser) -> usize {
    browser.host.memory.hubs().contents().findings.len()
}

/// The page of an export that has ended.
async fn ended(browser: &Browser, plan: &str) -> String {
    let page = browser.get(&format!("{plan}/export?wait=1")).await;
    assert!(page.status == StatusCode::OK && !page.text.contains("aria-busy"), "{}", page.text);
    plain(&page.text)
}

#[tokio::test]
async fn a_file_is_planned_and_nothing_is_sent_or_recorded() {
    let browser = open().await;
    let before = (runs(&browser), browser.host.memory.contents().objects.clone());
    let file = scan("5.46.0-scan-1.ocsf.json.gz");
    let planned = browser.upload("/plan", Some(("scans/<b>scan.json.gz", &file)), &[("events", "20000")]).await;
    assert_eq!((planned.status, planned.location()), (StatusCode::SEE_OTHER, "/plan/1?events=20000"));
    let page = browser.get(planned.location()).await.text;
    for part in ["The counts add up", "<b>1,474</b> read", "Export now…", "succeeded", "value=\"20000\""] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        !page.contains("<b>scan") && plain(&page).contains("<b>scan.json.gz"),
        "a name is text, without its directory"
    );
    assert_eq!((runs(&browser), browser.host.memory.contents().objects.clone()), before);
    assert_eq!(findings(&browser), 0);
    let both = browser.upload("/plan", Some(("a", &file)), &[("key", "s3://b/k")]).await;
    assert!(both.status == StatusCode::UNPROCESSABLE_ENTITY && both.text.contains("not both"));
}

#[tokio::test]
async fn a_file_that_is_not_a_scan_has_a_plan_and_no_export() {
    let browser = open().await;
    let planned = browser.upload("/plan", Some(("notes.txt", b"not a scan")), &[]).await;
    assert_eq!(planned.status, StatusCode::SEE_OTHER, "{}", planned.text);
    let page = browser.get(planned.location()).await.text;
    assert!(page.contains("Expected status") && !page.contains("Export now"), "{page}");
    assert_eq!(browser.get("/plan/1/export").await.status, StatusCode::CONFLICT);
    let export = browser.upload("/plan/1/export", Some(("notes.txt", b"not a scan")), &[]).await;
    assert_eq!(export.status, StatusCode::CONFLICT);
    assert!(runs(&browser).iter().all(|run| run.upload.source != "notes.txt"));
}

#[tokio::test]
async fn only_the_file_of_the_plan_is_exported_and_only_once() {
    let browser = open().await;
    let file = scan("5.46.0-scan-1.ocsf.json.gz");
    let planned = browser.upload("/plan", Some(("scan.json.gz", &file)), &[]).await;
    assert_eq!(planned.status, StatusCode::SEE_OTHER);
    let question = browser.get("/plan/1/export").await.text;
    assert!(question.contains("Export this upload?") && question.contains("name=\"scan\""), "{question}");
    assert_eq!(findings(&browser), 0, "a GET exports nothing");
    let none = browser.upload("/plan/1/export", None, &[]).await;
    assert!(browser.get(none.location()).await.text.contains("Choose the file of the plan."));
    for other in [scan("5.46.0-scan-2-after-fixes.ocsf.json.gz"), file[..file.len() - 1].to_vec(), Vec::new()] {
        browser.upload("/plan/1/export", Some(("scan.json.gz", &other)), &[]).await;
        let page = ended(&browser, "/plan/1").await;
        assert!(page.contains("The export failed.") && page.contains("differs from the file of the plan"), "{page}");
        assert!(page.contains("Choose or drop the file again"), "it can be repeated");
        assert_eq!(findings(&browser), 0, "nothing of another file is sent");
    }
    let exported = browser.upload("/plan/1/export", Some(("scan.json.gz", &file)), &[]).await;
    assert_eq!(exported.status, StatusCode::SEE_OTHER);
    let page = ended(&browser, "/plan/1").await;
    assert!(page.contains("The counts add up") && page.contains("<b>1,474</b> read"), "{page}");
    let run = runs(&browser).last().unwrap().clone();
    assert!(page.contains(&format!("/runs/{}", run.run_id)) && run.upload.source == "scan.json.gz");
    assert_eq!(findings(&browser) as u64, run.counts.sent);
    assert!(run.counts.sent > 100, "{:?}", run.counts);
    // A second click, or a reload that posts the form again.
    let number = runs(&browser).len();
    browser.upload("/plan/1/export", Some(("scan.json.gz", &file)), &[]).await;
    ended(&browser, "/plan/1").await;
    assert_eq!(runs(&browser).len(), number);
}

#[tokio::test]
async fn a_read_only_console_receives_no_file() {
    let browser = Browser::of(Host::with(|settings| web_console::Settings { is_read_only: true, ..settings })).await;
    assert!(!browser.get("/plan").await.text.contains("<form class=\"form\""));
    let reply = browser.upload("/plan", Some(("a.json", b"[]")), &[]).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
}
