//! HTTP requests as payloads of the Lambda function.

use std::sync::Arc;

use exporter::model::upload::UploadInfo;
use exporter::report::RunReport;
use management::host::{is_http, respond};
use management::{Service, router};
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api, CALLER};

async fn send(api: &Api, payload: Value) -> Value {
    assert!(is_http(&payload));
    respond(router(Arc::new(Service::new(api.memory.clone(), api.settings.clone()))), &payload).await
}

fn payload(method: &str, path: &str, body: Option<&str>) -> Value {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": method, "path": path}, "authorizer": {"iam": {"userArn": CALLER, "accountId": "1"}}},
        "body": body, "isBase64Encoded": false,
    })
}

#[tokio::test]
async fn a_request_gets_a_response_and_the_audit_log_names_the_caller() {
    let api = Api::new();
    let body = format!(r#"{{"id": "{ACCOUNT}"}}"#);
    let made = send(&api, payload("POST", "/providers", Some(&body))).await;
    assert_eq!(
        (&made["statusCode"], &made["headers"]["location"]),
        (&json!(201), &json!(format!("/providers/{ACCOUNT}")))
    );
    assert_eq!(api.memory.contents().audit_log[0].by, CALLER);
    let mut listed = payload("GET", "/providers", None);
    listed["rawQueryString"] = "limit=1".into();
    let listed = send(&api, listed).await;
    let body: Value = serde_json::from_str(listed["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["items"][0]["id"], ACCOUNT);
}

#[tokio::test]
async fn a_body_may_be_encoded_in_base64() {
    let api = Api::new();
    // {"id": "123456789012"}
    let mut request = payload("POST", "/providers", Some("eyJpZCI6ICIxMjM0NTY3ODkwMTIifQ=="));
    request["isBase64Encoded"] = true.into();
    assert_eq!(send(&api, request.clone()).await["statusCode"], 201);
    request["body"] = "?".into();
    assert_eq!(send(&api, request).await["statusCode"], 400);
}

#[tokio::test]
async fn an_invalid_payload_gets_a_problem() {
    let api = Api::new();
    for broken in [
        json!({"requestContext": {"http": {}}}),
        payload("GE T", "/providers", None),
        payload("GET", "no path", None),
        json!({"rawPath": "/providers", "requestContext": {"http": {"method": "GET"}}, "headers": {"a\nb": "c"}}),
    ] {
        let response = send(&api, broken.clone()).await;
        assert_eq!(response["statusCode"], 400, "{broken}");
        assert_eq!(response["headers"]["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_response_too_large_after_escaping_is_a_problem() {
    let api = Api::new();
    let run = RunReport::new(
        "run-1".to_owned(),
        UploadInfo {
            source: "s3://b/k".to_owned(),
            etag: "e".to_owned(),
            bytes: 1,
            modified_at: None,
            requester: None,
        },
        "2026-11-20T00:00:00Z".parse().unwrap(),
    );
    api.memory.contents().runs.push(run);
    // 4 MB. As an escaped JSON string, twice as many.
    let entry = json!({ "finding": vec![""; 1_300_000] });
    api.memory.contents().quarantine.insert("run-1".to_owned(), vec![entry]);
    let response = send(&api, payload("GET", "/runs/run-1/quarantine", None)).await;
    assert_eq!(response["statusCode"], 422);
    assert_eq!(response["headers"]["content-type"], "application/problem+json");
    assert!(response["body"].as_str().unwrap().contains("limit"), "{response}");
    assert!(response.to_string().len() < 1_000);
}
