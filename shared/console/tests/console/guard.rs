//! Security controls. Each is a test whose name states it.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use jiff::SignedDuration;
use proptest::prelude::*;
use std::sync::Arc;

use crate::host::{Browser, Host, PORT, get};

/// A request that would disable an integration.
const CHANGE: &str = "/integrations/123456789012/disable";

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn the_host_header_must_be_exactly_the_console_s_address() {
    let browser = Host::new();
    let cookie = browser.open().await;
    for (host, is_own) in [
        ("127.0.0.1:8017", true),
        ("localhost:8017", true),
        ("127.0.0.1", false),
        ("127.0.0.1:8018", false),
        ("LOCALHOST:8017", false),
        ("localhost:8017.", false),
        ("[::1]:8017", false),
        ("rebound.example:8017", false),
        ("", false),
    ] {
        // After DNS rebinding, a page sends no fetch metadata.
        let reply = browser.send(request("GET", "/integrations", &[("host", host), ("cookie", &cookie)])).await;
        assert_eq!(reply.status == StatusCode::OK, is_own, "{host}");
        if !is_own {
            assert_eq!((reply.status, reply.text.as_str()), (StatusCode::MISDIRECTED_REQUEST, ""), "{host}");
        }
    }
    let two = request("GET", "/integrations", &[("host", "127.0.0.1:8017"), ("host", "x"), ("cookie", &cookie)]);
    assert_eq!(browser.send(two).await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn a_key_is_valid_once_and_all_other_requests_require_its_cookie() {
    let clock = Arc::new(std::sync::Mutex::new("2026-11-27T17:42:08Z".parse::<jiff::Timestamp>().unwrap()));
    let reported = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (now, report) = (clock.clone(), reported.clone());
    let host = Host::with(|settings| web_console::Settings {
        now: Arc::new(move || *now.lock().unwrap()),
        report: Arc::new(move |text| report.lock().unwrap().push(text.to_owned())),
        ..settings
    });
    let open = async |link: &str| host.send(get(link.split_once("8017").unwrap().1).body(Body::empty()).unwrap()).await;
    let link = host.gate.new_link();
    let reply = open(&link).await;
    let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("hubctl-console-8017=") && cookie.len() > 60, "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
    let reused = open(&link).await;
    assert!(reused.status == StatusCode::FORBIDDEN && reused.text.contains("isn't authorized yet"));
    assert_eq!(reported.lock().unwrap().len(), 1, "the terminal reports a reused key");
    let late = host.gate.new_link();
    *clock.lock().unwrap() += SignedDuration::from_secs(61);
    assert_eq!(open(&late).await.status, StatusCode::FORBIDDEN);
    // The new link ended the previous session.
    let pair = cookie.split(';').next().unwrap();
    for path in ["/", "/integrations", "/runs", "/jobs", "/audit", "/nothing"] {
        let reply = host.send(get(path).header(header::COOKIE, pair).body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn only_the_console_s_own_pages_can_load_it_or_make_changes() {
    let host = Host::new();
    let cookie = host.open().await;
    let own = format!("127.0.0.1:{PORT}");
    let (own_origin, other_port) = (format!("http://{own}"), "http://127.0.0.1:9999");
    for (method, origin, site, mode, destination, status) in [
        ("GET", "", "", "", "", 200),
        ("GET", "", "none", "navigate", "document", 200),
        ("GET", "", "same-origin", "cors", "empty", 200),
        // A page on another port of 127.0.0.1 is same-site, so that the strict cookie is sent.
        ("GET", "", "same-site", "no-cors", "image", 403),
        ("GET", "", "same-site", "navigate", "iframe", 403),
        ("GET", "", "same-site", "navigate", "document", 403),
        ("GET", "", "cross-site", "no-cors", "script", 403),
        ("POST", &own_origin, "same-origin", "navigate", "document", 303),
        ("POST", other_port, "same-site", "navigate", "document", 403),
        ("POST", "null", "cross-site", "navigate", "document", 403),
        ("POST", "https://evil.example", "cross-site", "no-cors", "empty", 403),
        // A change without fetch metadata is rejected, even with the right Origin.
        ("POST", &own_origin, "", "", "", 403),
        ("POST", "", "", "", "", 403),
    ] {
        let path = if method == "GET" { "/integrations" } else { CHANGE };
        let headers = [
            ("host", own.as_str()),
            ("cookie", &cookie),
            ("origin", origin),
            ("sec-fetch-site", site),
            ("sec-fetch-mode", mode),
            ("sec-fetch-dest", destination),
        ];
        let reply = host.send(request(method, path, &headers)).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {origin} {site} {mode} {destination}");
    }
}

#[tokio::test]
async fn every_response_has_the_headers() {
    let browser = Browser::open().await;
    for path in ["/", "/integrations", "/nothing", "/assets/x/y"] {
        let reply = browser.get(path).await;
        let header = |name: &str| reply.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("form-action 'self'; base-uri 'none'; frame-ancestors 'none'"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store", "{path}");
    }
    let foreign = browser.host.send(request("GET", "/", &[("host", "x")])).await;
    assert!(foreign.headers.contains_key("content-security-policy"));
    let page = browser.get("/integrations").await.text;
    let css = page.split_once("href=\"/assets/").unwrap().1.split_once('"').unwrap().0;
    let asset = browser.get(&format!("/assets/{css}")).await;
    assert_eq!(asset.headers["cache-control"], "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn read_only_rejects_changes_and_shows_no_buttons() {
    let browser = Browser::of(Host::with(|settings| web_console::Settings { is_read_only: true, ..settings })).await;
    let page = browser.get("/integrations").await.text;
    assert!(page.contains("Read-only.") && !page.contains("method=\"post\"") && !page.contains("Add integration"));
    let before = browser.host.memory.contents().audit_log.len();
    assert_eq!(browser.post(CHANGE, &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.host.memory.contents().audit_log.len(), before);
}

#[tokio::test]
async fn read_only_explains_on_this_machine_without_a_job() {
    let browser = Browser::of(Host::with(|settings| web_console::Settings { is_read_only: true, ..settings })).await;
    let number = || browser.host.memory.contents().jobs.len();
    let before = number();
    let form = browser.get("/explain").await.text;
    assert!(form.contains("method=\"get\"") && form.contains("submits no job"), "{form}");
    let id = "prowler-s3_bucket_acl-123456789012-eu-west-1-0123456ab";
    let page = browser.get(&format!("/explain?id={id}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("the finding was never sent") && page.text.contains("Last runs"), "{}", page.text);
    assert_eq!(browser.get("/explain?id=finding").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(browser.post("/explain", &[("id", id)]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(number(), before, "an explanation by the deployment is a job");
}

#[tokio::test]
async fn no_path_redirects_or_links_to_another_host() {
    let browser = Browser::open().await;
    for path in ["//evil.example/?theme=dark", "///evil.example/?theme=dark", "/integrations?theme=dark"] {
        let reply = browser.get(path).await;
        let location = reply.location();
        assert!(location.starts_with('/') && !location.starts_with("//"), "{path}: {location}");
    }
    let page = browser.get("//evil.example/").await;
    assert!(page.status == StatusCode::NOT_FOUND && !page.text.contains("\"//"), "{}", page.text);
}

#[tokio::test]
async fn a_form_that_is_too_large_is_rejected() {
    let browser = Browser::open().await;
    let large = "x".repeat(65 * 1024);
    assert_eq!(browser.post(CHANGE, &[("etag", &large)]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

fn headers() -> impl Strategy<Value = [&'static str; 5]> {
    let host = prop::sample::select(vec!["127.0.0.1:8017", "localhost:8017", "evil.example:8017", "127.0.0.1:9999"]);
    let origin = prop::sample::select(vec![
        "",
        "null",
        "http://127.0.0.1:8017",
        "http://localhost:8017",
        "http://127.0.0.1:9999",
        "https://evil.example",
        "http://evil.example:8017",
    ]);
    let site = prop::sample::select(vec!["", "same-origin", "same-site", "cross-site", "none", "other"]);
    let mode = prop::sample::select(vec!["", "navigate", "cors", "no-cors"]);
    let cookie = prop::sample::select(vec!["", "forged", "valid"]);
    (host, origin, site, mode, cookie).prop_map(|(host, origin, site, mode, cookie)| [host, origin, site, mode, cookie])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_request_from_another_page_or_program_makes_changes(
        [host, origin, site, mode, cookie] in headers(),
        method in prop::sample::select(vec!["POST", "PUT", "PATCH", "DELETE", "GET"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let console = Host::new();
            let session = console.open().await;
            let before = console.memory.contents().audit_log.len();
            let cookie = match cookie { "valid" => session.as_str(), "forged" => "hubctl-console-8017=AAAA", _ => "" };
            let headers = [("host", host), ("origin", origin), ("sec-fetch-site", site), ("sec-fetch-mode", mode), ("cookie", cookie)];
            let reply = console.send(request(method, CHANGE, &headers)).await;
            let is_own_host = ["127.0.0.1:8017", "localhost:8017"].contains(&host);
            let is_own = is_own_host && ["same-origin", "none"].contains(&site) && cookie == session && method == "POST";
            let has_changed = console.memory.contents().audit_log.len() > before;
            assert_eq!(has_changed, is_own, "{method} {headers:?} {}", reply.status);
        });
    }
}

#[tokio::test]
async fn no_get_request_makes_changes() {
    let browser = Browser::open().await;
    let state = |browser: &Browser| {
        let contents = browser.host.memory.contents();
        (contents.audit_log.len(), contents.jobs.len(), format!("{:?}", contents.integrations))
    };
    let before = state(&browser);
    let (mut queue, mut seen) = (vec!["/integrations".to_owned()], std::collections::BTreeSet::new());
    while let Some(path) = queue.pop() {
        if path.contains("theme=") || seen.len() > 400 || !seen.insert(path.clone()) {
            continue;
        }
        let reply = browser.get(&path).await;
        assert!(reply.status.is_success() || reply.status.is_redirection(), "{path}: {}", reply.status);
        let links = reply.text.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        queue.extend(links.map(|(link, _)| crate::host::plain(link)).filter_map(|link| {
            let path = link.split('#').next().unwrap().to_owned();
            (path.starts_with('/') && !path.starts_with("/assets")).then_some(path)
        }));
        // The request of each form, sent as a GET.
        let forms = reply.text.split("method=\"post\" action=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        for (action, _) in forms {
            let _ = browser.get(&crate::host::plain(action)).await;
        }
    }
    assert!(seen.len() > 3, "{seen:?}");
    assert_eq!(state(&browser), before);
    let _ = Method::GET;
}
