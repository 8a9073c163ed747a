//! What the pages about accounts show of their runs: last scans, active findings, findings sent, and errors.

use axum::http::StatusCode;
use exporter::report::RunKind;
use exporter::report::history::{HistoryBy, sums};
use exporter::testing::{Effect, Fault, Operation};

use crate::host::Browser;

const PRODUCTION: &str = "123456789012";
const NUMBERS_UNKNOWN: &str = "Some numbers are unknown.";

/// The cells of the row that begins with a text, without markup.
fn cells(page: &str, first: &str) -> Vec<String> {
    let row = page.split("<tr>").find(|row| row.contains("<th scope=\"row\"") && row.contains(first));
    let row = row.ok_or_else(|| format!("no row {first} in {page}")).unwrap();
    let text = |cell: &str| {
        let parts = cell.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        parts.collect::<String>().trim().to_owned()
    };
    row.split("<td").skip(1).map(|cell| text(&format!("<td{cell}"))).collect()
}

/// The last cells of a row.
fn last<const N: usize>(page: &str, first: &str) -> [String; N] {
    let mut cells = cells(page, first);
    cells.split_off(cells.len() - N).try_into().unwrap()
}

fn accounts(page: &str) -> Vec<&str> {
    let rows = page.split("<a href=\"/accounts/").skip(1);
    rows.map(|row| row.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn regions_have_active_findings_and_findings_sent() {
    let browser = Browser::open().await;
    let sent: u64 = {
        let contents = browser.host.memory.contents();
        let runs = contents.runs.iter().filter_map(exporter::report::HistoryEntry::of);
        let entries: Vec<_> = runs.collect();
        sums(&entries, HistoryBy::Region, PRODUCTION.parse().ok())["us-east-2"].totals.sent
    };
    for path in [format!("/integrations/{PRODUCTION}"), format!("/accounts/{PRODUCTION}")] {
        let page = browser.get(&path).await.text;
        let of = |region: &str| last::<2>(&page, &format!(">{region}</th>"));
        assert_eq!(of("eu-west-1")[0], "6,36027 Nov 16:02", "the undone archive counts, and its run is named");
        assert_eq!(of("us-east-2"), ["640".to_owned(), sent.to_string()]);
        assert_eq!(of("eu-north-1"), ["0", "0"], "runs determined that it has none");
        assert_eq!(of("eu-south-2")[0], "21426 Nov 17:42", "it is unavailable since");
        assert_eq!(of("sa-east-1"), ["—unknown", "0"], "{page}");
        let as_of = "Active findings as of the run of <a href=\"/runs/0193a1e0-0000-7c41-9a3b-000000000012\">27 Nov 15:09 UTC</a>.";
        assert!(page.contains(as_of), "{page}");
        assert!(!page.contains(NUMBERS_UNKNOWN));
    }
    let organization = browser.get("/integrations/o-a1b2c3d4e5").await.text;
    assert!(!organization.contains("Active findings") && !organization.contains(NUMBERS_UNKNOWN));
}

#[tokio::test]
async fn accounts_have_their_last_scan_and_the_sums_of_30_days() {
    let browser = Browser::open().await;
    let page = browser.get("/accounts?size=100").await.text;
    let of = |account: &str| last::<4>(&page, &format!("/accounts/{account}\""));
    let [scan, active, sent, errors] = of(PRODUCTION);
    assert_eq!((scan.as_str(), errors.as_str()), ("27 Nov 15:02", "0"));
    assert!(active.len() > 5 && sent.len() > 4, "{active} {sent}");
    assert_eq!(of("345678901234")[3], "1,290");
    assert!(of("345678901234")[0].starts_with("27 Nov"), "its scan arrived, although nothing could be sent");
    assert_eq!(of("699999999999"), ["25 Nov 03:15 missing", "935", "33", "0"]);
    assert_eq!(of("666666666666"), ["none in 30 days", "—unknown", "0", "0"]);
    assert!(page.contains("2 scan missing") && page.contains("without a scan in 30 days"), "{page}");
    assert!(
        page.contains("class=\"n\"") && page.contains("class=\"n bad strong\" data-h=\"Errors, 30 days\">1,290<"),
        "{page}"
    );
    let missing = browser.get("/accounts?scan=missing").await.text;
    assert_eq!(accounts(&missing), ["699999999999", "755555555554"]);
    assert!(missing.contains("name=\"scan\" value=\"missing\""), "the search keeps the filter");
    let none = browser.get("/accounts?scan=none&q=acme").await.text;
    assert_eq!(accounts(&none), ["666666666666"]);
    let by_errors = browser.get("/accounts?sort=-errors").await.text;
    assert_eq!(accounts(&by_errors)[..2], ["345678901234", "210987654321"]);
    assert_eq!(accounts(&browser.get("/accounts?sort=scan").await.text).len(), 25, "unknown ones are first");
}

#[tokio::test]
async fn accounts_are_summed_again_after_a_change() {
    let browser = Browser::open().await;
    let sent = async |query: &str| {
        last::<4>(&browser.get(&format!("/accounts?size=100{query}")).await.text, "/accounts/456789012345\"")
    };
    let before = sent("").await;
    {
        let contents = &mut *browser.host.memory.contents();
        let like =
            contents.runs.iter().rev().find(|run| run.kind == RunKind::Export && run.counts.sent == 298).cloned();
        let mut run = like.unwrap();
        "ffffffff-0000-7000-8000-000000000001".clone_into(&mut run.run_id);
        run.accounts = run.accounts.into_values().map(|part| ("456789012345".parse().unwrap(), part)).collect();
        contents.runs.push(run);
    }
    assert_eq!(sent("").await, before, "the sums are shared for half a minute");
    assert_eq!(sent("&fresh=1").await[2], "298");
    browser.host.memory.contents().runs.pop();
    browser.post("/runs/0193a1c4-7d5e-7c41-9a3b-0c2d5e6f7a8b/replay", &[]).await;
    assert_eq!(sent("").await, before);
}

#[tokio::test]
async fn pages_are_shown_without_numbers_that_cant_be_read() {
    let browser = Browser::open().await;
    browser.host.memory.contents().faults.add(Fault::fail(Operation::ReadHistory));
    for (path, part, row) in [
        (format!("/integrations/{PRODUCTION}"), "Check results by Region", ">eu-west-1</th>"),
        (format!("/accounts/{PRODUCTION}"), "Check results by Region", ">eu-west-1</th>"),
        ("/accounts".to_owned(), "Last scan (UTC)", "/accounts/600000000000\""),
    ] {
        let reply = browser.get(&path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        assert!(reply.text.contains(part) && reply.text.contains(NUMBERS_UNKNOWN), "{path}: {}", reply.text);
        assert_eq!(last::<2>(&reply.text, row), ["—unknown"; 2], "{path}");
        assert!(!reply.text.contains(">missing<"), "what is unknown is not missing");
    }
    let unknown = browser.get("/accounts?sort=-sent&scan=nothing").await;
    assert_eq!(accounts(&unknown.text).len(), 25);
}

#[tokio::test]
async fn which_scans_are_missing_is_unknown_without_schedules() {
    let browser = Browser::open().await;
    browser.host.memory.contents().faults.add(Fault::fail(Operation::ListProviders));
    let page = browser.get("/accounts?size=100").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("It is unknown which scans are missing") && !page.text.contains("scan missing"));
    assert_eq!(last::<4>(&page.text, "/accounts/699999999999\"")[0], "25 Nov 03:15");
}

#[tokio::test(start_paused = true)]
async fn a_page_does_not_wait_long_for_the_sums_of_runs() {
    let browser = Browser::open().await;
    browser.host.memory.contents().faults.add(Fault::on(Operation::ReadHistory, Effect::Hang));
    for path in [format!("/accounts/{PRODUCTION}"), "/accounts?q=6".to_owned()] {
        let begun = tokio::time::Instant::now();
        let page = browser.get(&path).await.text;
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
        let mark = if path.contains('?') { "&#38;" } else { "?" };
        assert!(page.contains(&format!("<a href=\"{path}{mark}wait=1\">Show the page with them</a>")), "{page}");
        let whole = browser.get(&format!("{path}{}wait=1", if path.contains('?') { '&' } else { '?' })).await.text;
        assert!(whole.contains("did not respond within 10 s"), "{whole}");
    }
}
