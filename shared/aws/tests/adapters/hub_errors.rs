//! Requests to Security Hub as they are sent, and responses that the simulator doesn't return.

use std::time::Duration;

use aws::SecurityHub;
use bytes::Bytes;
use exporter::model::integration::Credentials;
use exporter::ports::{CallError, Hub};
use serde_json::json;

use crate::wire::{Reply, Request, Wire};
use crate::{ACCOUNT, cloud};

/// The response of `GetCallerIdentity` for a user of this account.
pub(crate) fn identity(account: &str) -> Reply {
    Reply::new(
        200,
        format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{account}:user/u</Arn>\
             <UserId>U</UserId><Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        ),
    )
}

async fn hub(answer: impl Fn() -> Reply + Send + Sync + 'static) -> (Wire, SecurityHub) {
    let wire = Wire::serve(move |_, request| match request.path.as_str() {
        "/" => identity(ACCOUNT),
        _ => answer(),
    })
    .await;
    let hub = cloud(&wire.url).await.connect_as(ACCOUNT.parse().unwrap(), &Credentials::default()).await.unwrap();
    (wire, hub)
}

async fn import(hub: &SecurityHub, body: &[u8]) -> Result<(), CallError> {
    hub.import(&"us-east-1".parse().unwrap(), Bytes::copy_from_slice(body)).await.map(drop)
}

#[tokio::test]
async fn the_body_is_sent_byte_for_byte_and_signed_for_its_region() {
    let ok = || Reply::new(200, r#"{"FailedCount": 0, "SuccessCount": 1, "FailedFindings": []}"#);
    let (wire, hub) = hub(ok).await;
    let body = "{\"Findings\": [ {\"Id\":\"ü\\u0000\", \"Unknown\": 1.50} ]}\n".as_bytes();
    import(&hub, body).await.unwrap();
    let sent = wire.requests().pop().unwrap();
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/findings/import"));
    assert_eq!(sent.body, body);
    assert_eq!(sent.header("content-length"), Some(body.len().to_string().as_str()));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    let signature = sent.header("authorization").unwrap();
    assert!(signature.contains("/us-east-1/securityhub/aws4_request"), "{signature}");
}

#[tokio::test]
async fn findings_are_read_at_the_endpoints_path_and_returned_complete() {
    let finding = r#"{"Id": "ü\u0000", "Unknown" : 1.50}"#;
    let page = format!(r#"{{"Findings": [{finding}], "NextToken": "more", "New": null}}"#);
    let wire = Wire::serve(move |_, request| match request.path.as_str() {
        "/proxy/" => identity(ACCOUNT),
        _ => Reply::new(200, page.clone()),
    })
    .await;
    let cloud = cloud(&format!("{}/proxy", wire.url)).await;
    let hub = cloud.connect_as(ACCOUNT.parse().unwrap(), &Credentials::default()).await.unwrap();
    let page = hub.findings(&"us-east-1".parse().unwrap(), Some("a token".to_owned())).await.unwrap();
    assert_eq!((page.findings, page.next.as_deref()), (vec![Bytes::from(finding)], Some("more")));
    let sent = wire.requests().pop().unwrap();
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/proxy/findings"));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    let equals = |value: &str| json!([{ "Value": value, "Comparison": "EQUALS" }]);
    let product = "arn:aws:securityhub:us-east-1::product/prowler/prowler";
    let filters = json!({
        "ProductArn": equals(product), "AwsAccountId": equals(ACCOUNT), "Region": equals("us-east-1"),
        "RecordState": equals("ACTIVE"),
    });
    assert_eq!(sent.json(), json!({ "Filters": filters, "MaxResults": 100, "NextToken": "a token" }));
}

#[tokio::test]
async fn a_read_is_retried_with_its_body() {
    let answers = |number, request: &Request| match (number, request.path.as_str()) {
        (_, "/") => identity(ACCOUNT),
        (1, _) => Reply::new(503, "{}"),
        _ => Reply::new(200, r#"{"Findings": []}"#),
    };
    let wire = Wire::serve(answers).await;
    let hub = cloud(&wire.url).await.connect_as(ACCOUNT.parse().unwrap(), &Credentials::default()).await.unwrap();
    assert_eq!(hub.finding(&"us-east-1".parse().unwrap(), "an-id").await, Ok(None));
    let requests = wire.requests();
    let [_, first, second] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((&first.path, &first.body), (&second.path, &second.body));
    assert!(first.text().contains("an-id") && second.header("authorization").is_some(), "{second:?}");
}

#[tokio::test]
async fn a_response_of_a_proxy_is_classified_by_its_status() {
    let html = "<html><body>Bad gateway</body></html>";
    let (wire, hub) = hub(move || Reply::new(502, html)).await;
    let error = import(&hub, b"{}").await.unwrap_err();
    assert_eq!(error, CallError::Transient(format!("HTTP 502 {html}")));
    assert_eq!(wire.requests().len(), 2, "one for the identity, one for the import");
}

#[tokio::test]
async fn a_success_without_a_valid_body_is_transient() {
    let (_wire, hub) = hub(|| Reply::new(200, "<html>Welcome</html>")).await;
    let error = import(&hub, b"{}").await.unwrap_err();
    assert!(matches!(error, CallError::Transient(_)), "{error:?}");
}

#[tokio::test]
async fn a_connection_lost_after_sending_is_transient() {
    let (_wire, hub) = hub(Reply::none).await;
    let error = import(&hub, b"{}").await.unwrap_err();
    assert!(matches!(error, CallError::Transient(_)), "{error:?}");
}

#[tokio::test]
async fn an_endpoint_without_a_server_is_unreachable() {
    let (wire, hub) = hub(Reply::none).await;
    drop(wire);
    // The pooled connection to the server is closed by now, or fails when it is used.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut error = import(&hub, b"{}").await.unwrap_err();
    if matches!(error, CallError::Transient(_)) {
        error = import(&hub, b"{}").await.unwrap_err();
    }
    assert!(matches!(error, CallError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn an_endpoint_whose_name_does_not_resolve_is_unreachable() {
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url("http://securityhub.nowhere.invalid")
        .region(aws_config::Region::new("us-east-1"))
        .test_credentials()
        .load()
        .await;
    let client = aws_sdk_securityhub::Client::new(&config);
    let error = client.describe_hub().send().await.unwrap_err();
    let mut causes = Vec::new();
    let mut next: Option<&dyn std::error::Error> = Some(&error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    // The classification of errors compares this text.
    assert!(causes.iter().any(|cause| cause == "client error (Connect)"), "{causes:?}");
}
