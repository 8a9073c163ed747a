//! Accounts: their list in any order, one account and its comparison, the test of all, and the counts on the tabs.

use axum::http::StatusCode;
use exporter::jobs::Job;
use exporter::report::{AccountReport, Drift, RegionReport, RunKind, RunReport, RunStatus};

use crate::host::{Browser, plain};
use crate::pages::follow;

/// The accounts of a list in its order.
fn listed(page: &str) -> Vec<String> {
    let rows = page.split("<a href=\"/accounts/").skip(1);
    rows.map(|row| row.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn accounts_are_sorted_by_each_column_in_both_orders() {
    let browser = Browser::open().await;
    let get = async |query: &str| plain(&browser.get(&format!("/accounts?size=100{query}")).await.text);
    let worst_first = get("").await;
    let heading = "aria-sort=\"ascending\"><a href=\"/accounts?size=100&sort=-status\">Connection ↑";
    assert!(worst_first.contains(heading), "{worst_first}");
    let all = listed(&worst_first).len();
    for key in ["account", "integration", "status", "checked", "regions", "problem", "scan", "active", "sent", "errors"]
    {
        let page = get(&format!("&sort={key}")).await;
        let (up, mut down) = (listed(&page), listed(&get(&format!("&sort=-{key}")).await));
        down.reverse();
        assert_eq!((up.len(), &up), (all, &down), "{key}");
        assert!(page.contains(&format!("sort=-{key}\"")), "another click reverses it: {key}");
    }
    let mut sorted = listed(&get("&sort=account").await);
    assert!(sorted.is_sorted() && sorted.len() > 5);
    sorted.reverse();
    assert_eq!(listed(&get("&sort=-account").await), sorted);
    assert_eq!(listed(&get("&sort=nothing").await), listed(&worst_first));
    // The other choices are kept.
    let chosen = get("&sort=-account&status=Connected&of=o-a1b2c3d4e5").await;
    for (name, value) in [("sort", "-account"), ("status", "Connected"), ("of", "o-a1b2c3d4e5")] {
        assert!(chosen.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{name}");
    }
    assert!(chosen.contains("Accounts of acme organization") && !listed(&chosen).contains(&"123456789012".to_owned()));
}

#[tokio::test]
async fn an_account_is_compared_with_one_click_and_reconciled_with_two() {
    let browser = Browser::open().await;
    let path = "/accounts/123456789012";
    let page = browser.get(path).await.text;
    for part in ["Check results by Region", "Recent runs", "What to do", "Not compared yet.", "Reconcile…"] {
        assert!(page.contains(part), "{part}");
    }
    let submitted = || browser.host.memory.contents().submitted_jobs().last().cloned();
    let before = submitted();
    let question = browser.get(&format!("{path}/reconcile?region=eu-west-1&region=%3Cb%3E")).await.text;
    assert!(question.contains("name=\"region\" value=\"eu-west-1\"") && question.contains("name=\"reason\""));
    assert!(!question.contains("&#60;b&#62;"), "what isn't a Region is left out");
    assert_eq!(submitted(), before, "a GET submits nothing");
    let fields = [("region", "eu-west-1"), ("region", "us-east-1")];
    let path = format!("{path}/reconcile");
    let compared = follow(&browser, &path, &[&fields[..], &[("dry_run", "on")]].concat()).await;
    assert!(compared.contains("Comparison submitted."));
    let regions = || vec!["eu-west-1".parse().unwrap(), "us-east-1".parse().unwrap()];
    let provider = || Some("123456789012".parse().unwrap());
    let job = |dry_run| Some(Job::Reconcile { provider: provider(), regions: regions(), dry_run });
    assert_eq!(submitted(), job(true));
    let page = follow(&browser, &path, &[&fields[..], &[("reason", "SEC-7")]].concat()).await;
    assert!(page.contains("Reason: SEC-7"), "{page}");
    assert_eq!(submitted(), job(false));
}

#[tokio::test]
async fn a_comparison_is_shown_by_region_with_its_differences() {
    let browser = Browser::open().await;
    {
        let contents = &mut *browser.host.memory.contents();
        let now = contents.clock.now();
        let mut run = RunReport::new("0193b000-0000-7c41-9a3b-000000000001".to_owned(), Default::default(), now);
        (run.kind, run.status, run.finished_at) = (RunKind::Reconcile, RunStatus::Succeeded, Some(now));
        let drift = Drift { same: 3_210, missing: 4, unknown: 1, different: 2, ..Drift::default() };
        let unread = Drift { unread: Some("access denied".to_owned()), ..Drift::default() };
        let region = |drift| RegionReport { drift: Some(drift), ..RegionReport::default() };
        let mut report = AccountReport::default();
        report.regions.insert("eu-west-1".parse().unwrap(), region(drift));
        report.regions.insert("us-east-1".parse().unwrap(), region(unread));
        run.accounts.insert("123456789012".parse().unwrap(), report);
        contents.runs.push(run);
    }
    let page = browser.get("/accounts/123456789012").await.text;
    let summary = "3,210 the same, 4 missing, 1 unknown, 2 different; 0 fixed.";
    for part in [summary, "not compared completely", "Access denied."] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let question = browser.get("/accounts/123456789012/reconcile").await.text;
    assert!(question.contains("At most 7 ingestion events"), "{question}");
}

#[tokio::test]
async fn all_integrations_are_tested_and_the_worst_are_first() {
    let browser = Browser::open().await;
    let first = browser.post("/doctor/check", &[]).await;
    assert_eq!((first.status, first.location()), (StatusCode::SEE_OTHER, "/doctor/1"));
    let page = browser.get("/doctor/1?wait=1").await.text;
    for part in ["production", "sandbox", "href=\"/integrations/o-a1b2c3d4e5\""] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let place = |text: &str| page.find(text).unwrap();
    assert!(place("Connection test failed.") < place("Connection test passed."), "{page}");
    assert_eq!(browser.post("/doctor/check", &[]).await.location(), "/doctor/2", "it can be repeated");
}

/// The count on a tab.
fn badge(page: &str, label: &str) -> Option<String> {
    let (tabs, _) = page.split_once("<nav").unwrap().1.split_once("</nav>").unwrap();
    let (_, badge) = tabs.split("title=\"").find(|part| part.contains(label))?.split_once('>')?;
    Some(badge.split('<').next()?.to_owned())
}

#[tokio::test]
async fn tabs_count_what_pages_have_read_and_read_nothing() {
    let browser = Browser::open().await;
    let other = async || browser.get("/audit").await.text;
    assert!(!other().await.contains("num-badge"), "nothing was read that could be counted");
    browser.get("/integrations").await;
    assert_eq!(badge(&other().await, "archive pending approval"), Some("1".to_owned()));
    assert!(badge(&other().await, "findings, as of").is_some() && badge(&other().await, "fixes").is_none());
    let doctor = browser.get("/doctor").await.text;
    assert_eq!(badge(&doctor, "fixes, as of"), Some(doctor.matches("id=\"fix-").count().to_string()));
    {
        let contents = &mut *browser.host.memory.contents();
        contents.quarantine.clear();
        contents.runs.iter_mut().for_each(|run| run.quarantine_remaining = Some(Default::default()));
    }
    browser.get("/quarantine").await;
    assert_eq!(badge(&other().await, "findings, as of"), None, "0 is not shown");
}
