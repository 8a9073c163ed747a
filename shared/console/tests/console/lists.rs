//! Long lists: their pages, the data that pages share, and the size of responses.

use crate::host::{Browser, Host, plain};
use crate::pages::follow;

#[tokio::test]
async fn a_large_organization_is_listed_in_pages() {
    let host = Host::new();
    let now = host.memory.contents().clock.now();
    crate::sample::fill_many(&host.memory, 1_000, 1_500, now).unwrap();
    let browser = Browser::of(host).await;
    let accounts = plain(&browser.get("/accounts").await.text);
    assert!(accounts.contains("1–25 of 1,0"), "{accounts}");
    let runs = plain(&browser.get("/runs").await.text);
    assert!(runs.contains("100 shown, newest first"), "{runs}");
    let succeeded = browser.get("/runs?status=Succeeded&kind=Export").await.text;
    assert!(plain(&succeeded).contains("100 shown, newest first") && succeeded.contains("status=Succeeded"));
    assert!(plain(&browser.get("/runs?kind=Archive+all&status=Failed").await.text).contains("No run matches"));
    // A start after the end, such as that of an old bookmark, shows the last page.
    for (path, start) in [("/accounts?size=100&from=100", "101–200 of"), ("/doctor?show=all&from=100", "101–200 of")]
    {
        assert!(plain(&browser.get(path).await.text).contains(start), "{path}");
        let far = format!("{path}{}", "0".repeat(16));
        assert!(plain(&browser.get(&far).await.text).contains("1,001–1,0"), "{far}");
    }
}

#[tokio::test]
async fn the_quarantine_is_read_page_by_page() {
    let host = Host::new();
    let now = host.memory.contents().clock.now();
    crate::sample::fill_many(&host.memory, 10, 3_000, now).unwrap();
    let browser = Browser::of(host).await;
    let mut page = browser.get("/quarantine").await.text;
    assert!(page.contains("Redrive applies to all runs") && page.contains(">Redrive all<"), "{page}");
    let mut pages = 1;
    while let Some((before, _)) = page.split_once("\">Older</a>") {
        let href = plain(before.rsplit_once("href=\"").unwrap().1);
        page = browser.get(&href).await.text;
        assert!(page.contains(">Newest</a>"), "{href}");
        pages += 1;
        assert!(pages < 100, "{href}");
    }
    assert!(pages > 2, "{pages} pages");
}

#[tokio::test]
async fn data_shared_by_pages_is_read_again_after_30_seconds_or_a_change() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use exporter::connection::ConnectionStatus;

    let seconds = Arc::new(AtomicI64::new(0));
    let clock = seconds.clone();
    let host = Host::with(|settings| {
        let start = (settings.now)();
        let now = move || start + jiff::SignedDuration::from_secs(clock.load(Ordering::Relaxed));
        web_console::Settings { now: Arc::new(now), ..settings }
    });
    let browser = Browser::of(host).await;
    let connected = async |path: &str| {
        let page = plain(&browser.get(path).await.text);
        let (before, _) = page.split_once(" connected<").unwrap();
        before.rsplit_once('>').unwrap().1.parse::<usize>().unwrap()
    };
    let set = |status| {
        let contents = &mut *browser.host.memory.contents();
        contents.connections.get_mut(&"123456789012".parse().unwrap()).unwrap().status = status;
    };
    set(ConnectionStatus::Connected);
    let all = connected("/accounts").await;
    set(ConnectionStatus::Disconnected);
    assert_eq!(connected("/accounts?sort=account").await, all, "the data is shared with other pages");
    assert_eq!(connected("/accounts?fresh=1").await, all - 1, "Refresh reads the data again");
    assert!(!browser.get("/accounts?fresh=1").await.text.contains("sort=account&"), "links don't repeat the refresh");
    set(ConnectionStatus::Connected);
    follow(&browser, "/quarantine/redrive?code=InvalidInput", &[]).await;
    assert_eq!(connected("/accounts").await, all, "after a change, the data is read again");
    set(ConnectionStatus::Disconnected);
    seconds.store(29, Ordering::Relaxed);
    assert_eq!(connected("/accounts").await, all);
    seconds.store(30, Ordering::Relaxed);
    assert_eq!(connected("/accounts").await, all - 1, "after 30 seconds, the data is read again");
}

#[tokio::test]
async fn pages_are_compressed_for_browsers_and_event_streams_are_not() {
    let browser = Browser::open().await;
    let page = browser.get_with("/integrations", &[("accept-encoding", "gzip")]).await;
    assert_eq!(page.headers["content-encoding"], "gzip");
    let done = "/jobs/0193a1f0-0000-7e02-8b11-000000000001/events";
    let stream = browser.get_with(done, &[("accept-encoding", "gzip")]).await;
    assert!(!stream.headers.contains_key("content-encoding"));
}
