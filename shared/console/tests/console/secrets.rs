//! Secrets are write-only, and values from scans are shown as text.

use axum::http::StatusCode;
use serde_json::json;

use crate::host::{Browser, hidden, plain};

const SECRET: &str = "planted-secret-AbCdEf0123456789";
const TOKEN: &str = "planted-token-AbCdEf0123456789";

async fn all_responses(browser: &Browser) -> String {
    let mut all = String::new();
    for path in ["/integrations", "/integrations/567890123456", "/integrations/567890123456/credentials", "/audit"] {
        let reply = browser.get(path).await;
        all.push_str(&format!("{path} {:?} {}", reply.headers, reply.text));
    }
    for number in 1..9 {
        all.push_str(&browser.get(&format!("/integrations?said={number}")).await.text);
    }
    all
}

#[tokio::test]
async fn an_access_key_is_stored_and_never_shown() {
    let browser = Browser::open().await;
    let first = browser.get("/integrations/new").await;
    let once = hidden(&first.text, "once").to_owned();
    let fields = [("provider", "567890123456"), ("own", "yes"), ("once", &once), ("only_failed", "on")];
    let second = browser.post("/integrations/new", &fields).await;
    assert!(
        second.text.contains("Create and test integration") && second.text.contains("arn:aws:iam::567890123456:role/")
    );
    let key = [
        ("kind", "static"),
        ("access_key_id", "ASIAIOSFODNN7EXAMPLE"),
        ("secret_access_key", SECRET),
        ("session_token", TOKEN),
        ("with_role", "on"),
    ];
    // The role belongs to another account. Therefore, the form is shown again, without the secrets.
    let wrong = [&fields[..], &key[..], &[("role_arn", "arn:aws:iam::999999999999:role/SecurityHubExporter")]].concat();
    let rejected = browser.post("/integrations", &wrong).await;
    assert_eq!(rejected.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(rejected.text.contains("Nothing was created.") && rejected.text.contains("enter it again"));
    assert!(rejected.text.contains("ASIAIOSFODNN7EXAMPLE"), "the form has the values that are not secret");
    assert!(!rejected.text.contains("planted"), "{}", rejected.text);
    let right = [&fields[..], &key[..], &[("role_arn", "arn:aws:iam::567890123456:role/SecurityHubExporter")]].concat();
    let created = browser.post("/integrations", &right).await;
    assert_eq!(created.status, StatusCode::SEE_OTHER);
    assert!(created.location().starts_with("/integrations/567890123456?said="), "{}", created.location());
    assert!(browser.host.memory.contents().secrets.values().any(|stored| stored.contains(SECRET)), "the key is stored");
    let all = all_responses(&browser).await;
    assert!(!all.contains("planted"), "no page, header, or message contains the key");
}

#[tokio::test]
async fn a_replaced_access_key_is_never_shown() {
    let browser = Browser::open().await;
    let path = "/integrations/456789012345/credentials";
    let etag = plain(hidden(&browser.get(path).await.text, "etag"));
    let fields =
        [("etag", etag.as_str()), ("kind", "static"), ("access_key_id", "short"), ("secret_access_key", SECRET)];
    let rejected = browser.post(path, &fields).await;
    assert!(rejected.status == StatusCode::UNPROCESSABLE_ENTITY && !rejected.text.contains("planted"));
    let fields = [fields[0], fields[1], ("access_key_id", "AKIAIOSFODNN7EXAMPLE"), fields[3]];
    assert_eq!(browser.post(path, &fields).await.status, StatusCode::SEE_OTHER);
    assert!(!all_responses(&browser).await.contains("planted"));
}

#[tokio::test]
async fn values_from_scans_are_shown_as_text() {
    let browser = Browser::open().await;
    let run = crate::host::sample::RUN;
    let title = "x".repeat(1_000_000);
    let hostile = json!({
        "stage": "delivery", "code": "<img src=x onerror=alert(1)>", "message": "</p><script>alert(1)</script>\u{202e}gpj.exe\u{0}",
        "id": "=cmd|' /C calc'!A0", "account": "210987654321", "region": "eu-west-1",
        "finding": { "GeneratorId": "\"><script>alert(2)</script>", "Title": title, "Resources": [{ "Id": "javascript:alert(3)" }] },
    });
    let pending = json!({
        "account": "210987654321", "finding_id": "=1+1", "check_id": "<b>", "service": "\u{202e}s3", "region": "us-east-1",
        "severity": "HIGH", "resource_id": "@SUM(A1)", "first_observed_at": "2026-11-01T00:00:00Z", "class": "passed",
        "reason": "archive_limit",
    });
    {
        let contents = &mut *browser.host.memory.contents();
        contents.quarantine.get_mut(run).unwrap().insert(0, hostile);
        contents.pending.get_mut(run).unwrap().insert(0, pending);
    }
    for path in ["quarantine", "quarantine/1", "pending"] {
        let reply = browser.get(&format!("/runs/{run}/{path}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        let scripts = reply.text.matches("<script").count();
        assert_eq!(scripts, reply.text.matches("<script src=\"/assets/").count(), "{path}");
        assert!(!reply.text.contains("<img") && !reply.text.contains("<b>\n"), "{path}");
        assert!(!reply.text.contains('\u{202e}') && !reply.text.contains('\u{0}'), "{path}: bidirectional or control");
        assert!(!reply.text.contains("href=\"javascript:"), "{path}");
    }
    let csv = browser.get(&format!("/runs/{run}/pending.csv")).await;
    assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"pending.csv\"");
    assert!(csv.text.contains("\"'=1+1\"") && csv.text.contains("\"'@SUM(A1)\""), "{}", &csv.text[..400]);
}
