//! The history on the page with the runs.

use axum::http::StatusCode;
use exporter::report::RunReport;

use crate::host::Browser;

/// Adds a run of today that sent findings, with a new ID.
fn add_run(browser: &Browser, id: &str, sent: u64) {
    let contents = &mut *browser.host.memory.contents();
    let like = contents.runs.iter().rev().find(|run| run.counts.sent > 0 && run.accounts.len() == 1).unwrap().clone();
    let mut run = RunReport { run_id: id.to_owned(), ..like };
    run.counts.sent += sent;
    for part in run.accounts.values_mut() {
        part.counts.sent += sent;
        let region = part.regions.first_entry().unwrap().into_mut();
        region.sent += sent;
    }
    contents.runs.push(run);
}

#[tokio::test]
async fn the_history_shows_charts_regions_and_other_periods() {
    let browser = Browser::open().await;
    let reply = browser.get("/runs/history").await;
    assert_eq!(reply.status, StatusCode::OK);
    for part in [
        "Last 30 days, since 29 Oct",
        "By Region, 30 days",
        "class=\"mono\">eu-west-1<",
        "not by Region",
        "class=\"spark\"",
        "href=\"/runs?days=7\"",
        "href=\"/runs?days=90\"",
        "href=\"/runs?by=account\"",
        "href=\"/runs?since=2026-11-26&#38;after=",
    ] {
        assert!(reply.text.contains(part), "{part}: {}", reply.text);
    }
    let week = browser.get("/runs/history?days=7&account=123456789012").await.text;
    assert!(
        week.contains("Last 7 days, since 21 Nov") && week.contains("href=\"/runs?account=123456789012\""),
        "{week}"
    );
    let odd = browser.get("/runs/history?days=8&by=%3Cb%3E").await.text;
    assert!(odd.contains("Last 30 days"), "{odd}");
    let page = browser.get("/runs?days=7&by=account").await.text;
    assert!(page.contains("hx-get=\"/runs/history?days=7&#38;by=account\""), "{page}");
    assert!(page.contains("name=\"days\" value=\"7\"") && page.contains("name=\"by\" value=\"account\""), "{page}");
}

#[tokio::test]
async fn accounts_are_listed_with_their_sums_and_a_link_to_their_runs() {
    let browser = Browser::open().await;
    let text = browser.get("/runs/history?by=account").await.text;
    assert!(text.contains("<a href=\"/runs?account=123456789012\">") && text.contains("worst first"), "{text}");
    let whole = browser.get("/runs?by=account&wait=1").await.text;
    assert!(whole.contains("<caption class=\"vh\">By account</caption>"), "{whole}");
    assert!(
        whole.contains("href=\"/runs?days=7&#38;by=account&#38;wait=1\""),
        "the links work without JavaScript: {whole}"
    );
    let empty = browser.get("/runs/history?by=account&account=000000000000").await.text;
    assert!(empty.contains("No run ended in the last 30 days"), "{empty}");
    let wrong = browser.get("/runs/history?account=nobody").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_history_is_cached_until_it_is_refreshed() {
    let browser = Browser::open().await;
    let before = browser.get("/runs/history").await.text;
    add_run(&browser, "ffffffff-0000-7000-8000-000000000001", 1_000_000_000);
    assert_eq!(browser.get("/runs/history").await.text, before);
    let fresh = browser.get("/runs/history?fresh=1").await.text;
    assert!(fresh.contains("1,000,0"), "{fresh}");
    // After a change that the console makes, today is read again, and earlier days are not.
    add_run(&browser, "ffffffff-0000-7000-8000-000000000002", 1_000_000_000);
    browser.post("/runs/0193a1c4-7d5e-7c41-9a3b-0c2d5e6f7a8b/replay", &[]).await;
    let after = browser.get("/runs/history").await.text;
    assert!(after.contains("3,000,0"), "{after}");
    assert!(
        browser.get("/runs/history?days=90").await.text.contains("3,000,0"),
        "the period includes days that were not read before"
    );
}
