//! HTTP: paths, error formats, closed connections, and the interface for tests.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Value, json};
use simulator::{Config, Server, Simulator};

use crate::http::{Answer, send, signature};
use crate::stage::{ACCOUNT, PRODUCT, REGION, config, finding};

async fn serve(config: Config) -> (Simulator, Server) {
    let simulator = Simulator::new(config);
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    (simulator, server)
}

async fn hub(address: SocketAddr, method: &str, path: &str, body: &str) -> Option<Answer> {
    let signature = signature("test", REGION, "securityhub");
    send(address, method, path, &[("authorization", &signature)], body).await
}

async fn admin(address: SocketAddr, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(address, method, &format!("/_simulator{path}"), &[], &body).await.unwrap()
}

#[tokio::test]
async fn every_operation_has_its_path() {
    let (_, server) = serve(config()).await;
    let batch = json!({ "Findings": [finding("a", 0)] }).to_string();
    let update = json!({ "FindingIdentifiers": [{ "Id": "a", "ProductArn": PRODUCT }], "Confidence": 1 }).to_string();
    let product = json!({ "ProductArn": PRODUCT }).to_string();
    let arn = "arn%3Aaws%3Asecurityhub%3Aeu-west-1%3A123456789012%3Aproduct-subscription%2Fprowler%2Fprowler";
    for (method, path, body) in [
        ("POST", "/findings/import", batch.as_str()),
        ("POST", "/findings", "{}"),
        ("PATCH", "/findings/batchupdate", &update),
        ("GET", "/accounts", ""),
        ("GET", "/productSubscriptions?MaxResults=50", ""),
        ("DELETE", &format!("/productSubscriptions/{arn}"), ""),
        ("POST", "/productSubscriptions", &product),
        ("GET", "/products", ""),
        ("DELETE", "/accounts", ""),
        ("POST", "/accounts", "{}"),
    ] {
        let answer = hub(server.address(), method, path, body).await.unwrap();
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
    }
    assert_eq!(hub(server.address(), "GET", "/insights", "").await.unwrap().status, 404);
}

#[tokio::test]
async fn contract_1_10_an_error_is_in_a_header_and_in_the_body() {
    let (_, server) = serve(config().region(ACCOUNT, REGION, |region| region.hub = false)).await;
    let answer = hub(server.address(), "GET", "/accounts", "").await.unwrap();
    assert_eq!((answer.status, answer.headers["x-amzn-errortype"].as_str()), (401, "InvalidAccessException"));
    assert_eq!(answer.headers["content-type"], "application/json");
    let message = "Account 123456789012 is not subscribed to AWS Security Hub";
    assert_eq!(answer.json(), json!({ "Message": message, "Code": "InvalidAccessException" }));
}

#[tokio::test]
async fn a_request_must_be_signed_for_the_service() {
    let (_, server) = serve(config()).await;
    let bare = send(server.address(), "GET", "/accounts", &[], "").await.unwrap();
    assert_eq!(bare.headers["x-amzn-errortype"], "MissingAuthenticationTokenException");
    let wrong = signature("test", REGION, "s3");
    let wrong = send(server.address(), "GET", "/accounts", &[("authorization", &wrong)], "").await.unwrap();
    assert_eq!((wrong.status, wrong.headers["x-amzn-errortype"].as_str()), (403, "InvalidSignatureException"));
}

#[tokio::test]
async fn a_closed_connection_gives_no_response() {
    let (simulator, server) = serve(config()).await;
    admin(server.address(), "POST", "/faults", &json!({ "effect": { "kind": "drop_connection" }, "calls": 1 })).await;
    let batch = json!({ "Findings": [finding("a", 0)] }).to_string();
    assert!(hub(server.address(), "POST", "/findings/import", &batch).await.is_none());
    assert_eq!(simulator.findings(ACCOUNT, REGION).len(), 1);
    assert_eq!(hub(server.address(), "POST", "/findings/import", &batch).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_body_of_seven_megabytes_is_read_and_rejected() {
    let (_, server) = serve(config()).await;
    let body = json!({ "Findings": [], "Pad": "x".repeat(7_000_000) }).to_string();
    let answer = hub(server.address(), "POST", "/findings/import", &body).await.unwrap();
    assert_eq!((answer.status, answer.json()["Code"].as_str()), (400, Some("InvalidInputException")));
}

#[tokio::test]
async fn calls_have_the_configured_latency_and_run_concurrently() {
    let (_, server) = serve(Config { latency_ms: 100, ..config() }).await;
    let start = Instant::now();
    let calls = (0..20).map(|_| tokio::spawn(hub_call(server.address())));
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 200);
    }
    // Twenty sequential calls would take two seconds.
    assert!((100..1_500).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

async fn hub_call(address: SocketAddr) -> u16 {
    hub(address, "GET", "/accounts", "").await.unwrap().status
}

#[tokio::test]
async fn the_world_is_inspected_and_changed_over_http() {
    let (_, server) = serve(config()).await;
    let address = server.address();
    let batch = json!({ "Findings": [finding("a", 0)] }).to_string();
    hub(address, "POST", "/findings/import", &batch).await.unwrap();
    assert_eq!(admin(address, "GET", "/health", &Value::Null).await.json()["status"], "ok");
    let findings = admin(address, "GET", &format!("/findings?account={ACCOUNT}&region={REGION}"), &Value::Null).await;
    assert_eq!(findings.json()[0]["Id"], "a");
    let summary = admin(address, "GET", "/summary", &Value::Null).await.json();
    let region = &summary[0];
    assert_eq!((&region["by_severity"]["HIGH"], &region["imports"]["created"]), (&json!(1), &json!(1)));
    assert_eq!((&region["calls"]["BatchImportFindings"], &region["billed_events"]), (&json!(1), &json!(1)));
    let calls = admin(address, "GET", "/calls", &Value::Null).await.json();
    assert_eq!((&calls[0]["operation"], &calls[0]["created"]), (&json!("BatchImportFindings"), &json!(1)));
    assert_eq!(admin(address, "DELETE", "/calls", &Value::Null).await.status, 204);
    assert_eq!(admin(address, "GET", "/calls", &Value::Null).await.json(), json!([]));
    let later = admin(address, "POST", "/clock", &json!({ "advance_seconds": 90.5 })).await.json();
    assert_eq!(later["now"], "2026-11-23T08:01:30.5Z");
    let world =
        json!({ "accounts": [{ "id": ACCOUNT, "regions": { REGION: { "hub": false } } }], "default_account": ACCOUNT });
    assert_eq!(admin(address, "PUT", "/config", &world).await.status, 204);
    assert_eq!(hub(address, "GET", "/accounts", "").await.unwrap().status, 401);
    let wrong = admin(address, "PUT", "/config", &json!({ "acounts": [] })).await;
    assert!(wrong.status == 400 && wrong.body.contains("unknown field `acounts`"), "{}", wrong.body);
}

#[tokio::test]
async fn a_stopped_server_does_not_respond() {
    let (_, server) = serve(config()).await;
    let address = server.address();
    server.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
