//! Pending archives, last exports, and pending uploads on their pages.

use crate::host::Browser;
use crate::host::sample::RUN;

#[tokio::test]
async fn a_pending_archive_says_why_it_looks_unusual() {
    let browser = Browser::open().await;
    let page = browser.get(&format!("/runs/{RUN}")).await.text;
    let why = "83 of the 108 belong to 2 services of which this scan has only 95 results: ec2, rds.";
    for part in [
        why,
        "25 findings would be archived then.",
        "/integrations/210987654321/config",
        "<td class=\"n\">187</td><td class=\"n\">108</td><td class=\"n\">8</td><td class=\"n\">83</td><td class=\"n\">14</td><td class=\"n\">3</td>",
        "<span class=\"st bad\">61; 5,902 on ",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let approve = format!("<a class=\"btn\" href=\"/runs/{RUN}/approve\">");
    assert!(page.contains(&approve), "not the primary button");
    let ask = browser.get(&format!("/runs/{RUN}/approve")).await.text;
    assert!(ask.contains(why) && ask.contains("<button class=\"btn danger\">"));

    browser.host.memory.contents().runs.iter_mut().flat_map(|run| run.accounts.values_mut()).for_each(|account| {
        account.pending_archive.iter_mut().for_each(|archive| archive.unusual = None);
    });
    let page = browser.get(&format!("/runs/{RUN}")).await.text;
    assert!(!page.contains(why) && page.contains(&approve.replace("btn", "btn primary")));
    let ask = browser.get(&format!("/runs/{RUN}/approve")).await.text;
    assert!(ask.contains("<button class=\"btn danger primary\">"));
}

#[tokio::test]
async fn an_integration_shows_its_last_export_and_pending_uploads() {
    let browser = Browser::open().await;
    let page = browser.get("/integrations").await.text;
    assert!(page.contains(&format!("/runs/{RUN}")) && page.contains("412 sent, archive pending approval, 11 errors"));
    {
        let contents = &mut *browser.host.memory.contents();
        let integration = contents.integrations.get_mut("210987654321").unwrap();
        integration.value.enabled = false;
        let waiting = exporter::report::undelivered::INTEGRATION_DISABLED.to_owned();
        let run = contents.runs.iter_mut().find(|run| run.run_id == RUN).unwrap();
        let report = run.accounts.values_mut().next().unwrap();
        report.counts.add(exporter::report::Fate::Undelivered(waiting), 7);
    }
    assert!(browser.get("/integrations").await.text.contains("1 upload pending"));
    assert!(browser.get("/integrations/210987654321").await.text.contains("1 upload pending"));
}
