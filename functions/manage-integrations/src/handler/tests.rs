use std::sync::Mutex;

use bytes::Bytes;
use exporter::testing::{InMemory, Operation};
use lambda_runtime::Context;
use management::Settings;
use management::host::ResponseUrlPolicy;
use runtime::isolation::scripts::script;
use serde_json::json;

use super::*;

const ACCOUNT: &str = "123456789012";

/// Records the responses, or rejects them.
#[derive(Default)]
struct RecordedResponses {
    responses: Mutex<Vec<(String, Value)>>,
    reject: bool,
    response_url_policy: ResponseUrlPolicy,
}

impl ResponseSender for Arc<RecordedResponses> {
    fn allows(&self, url: &str) -> Result<(), UntrustedResponseUrl> {
        self.response_url_policy.allows(url)
    }

    async fn put(&self, url: &str, body: Bytes) -> Result<(), SendError> {
        if self.reject {
            return Err(SendError("HTTP 403".to_owned()));
        }
        self.responses.lock().unwrap().push((url.to_owned(), serde_json::from_slice(&body).unwrap()));
        Ok(())
    }
}

fn handler(response_sender: &Arc<RecordedResponses>) -> (Arc<InMemory>, Handler<InMemory, Arc<RecordedResponses>>) {
    let memory = Arc::new(InMemory::default());
    let settings = Settings { secret_prefix: "securityhub-exporter/".to_owned(), ..Settings::default() };
    (memory.clone(), Handler::new(Arc::new(Service::new(memory, settings)), response_sender.clone()))
}

fn event(payload: Value) -> LambdaEvent<Value> {
    LambdaEvent::new(payload, Context::default())
}

fn sample(text: &str) -> LambdaEvent<Value> {
    event(serde_json::from_str(text).unwrap())
}

#[tokio::test]
async fn the_sample_events_are_handled() {
    let response_sender = Arc::new(RecordedResponses {
        response_url_policy: ResponseUrlPolicy::Anywhere,
        ..RecordedResponses::default()
    });
    let (_, handler) = handler(&response_sender);
    let made = handler.handle(sample(include_str!("../../../../events/manage-create-provider.json"))).await.unwrap();
    assert_eq!(made["statusCode"], 201, "{made}");
    let listed = handler.handle(sample(include_str!("../../../../events/manage-list.json"))).await.unwrap();
    assert_eq!(listed["statusCode"], 200, "{listed}");
    handler.handle(sample(include_str!("../../../../events/manage-cloudformation.json"))).await.unwrap();
    let responses = response_sender.responses.lock().unwrap();
    assert_eq!(responses[0].1["Status"], "SUCCESS", "{responses:?}");
}

#[tokio::test]
async fn an_unknown_event_is_rejected() {
    let (_, handler) = handler(&Arc::default());
    for payload in [json!({}), json!(null), json!({"Records": []}), json!({"requestContext": {"elb": {}}})] {
        assert_eq!(handler.handle(event(payload)).await.unwrap_err(), HandlerError::UnknownEvent);
    }
}

fn creation() -> Value {
    json!({
        "RequestType": "Create", "ResponseURL": "https://answers.s3.amazonaws.com/1", "StackId": "s", "RequestId": "r",
        "ResourceType": "Custom::SecurityHubProvider", "LogicalResourceId": "Mine", "ResourceProperties": {"Id": ACCOUNT},
    })
}

#[tokio::test]
async fn the_response_is_sent_to_the_response_url() {
    let response_sender = Arc::default();
    let (memory, handler) = handler(&response_sender);
    handler.handle(event(creation())).await.unwrap();
    let responses = response_sender.responses.lock().unwrap().clone();
    let [(url, response)] = responses.as_slice() else { unreachable!("{responses:?}") };
    assert_eq!((url.as_str(), &response["Status"]), ("https://answers.s3.amazonaws.com/1", &json!("SUCCESS")));
    assert_eq!((&response["RequestId"], &response["LogicalResourceId"]), (&json!("r"), &json!("Mine")));
    assert_eq!(memory.contents().providers.len(), 1);
}

#[tokio::test]
async fn a_request_with_no_time_left_gets_a_response() {
    let response_sender: Arc<RecordedResponses> = Arc::default();
    let (_, handler) = handler(&response_sender);
    let request = ResourceRequest::parse(&creation()).unwrap();
    handler.handle_resource_request(request, Duration::ZERO).await.unwrap();
    let responses = response_sender.responses.lock().unwrap();
    assert_eq!(responses[0].1["Status"], "FAILED");
    assert!(responses[0].1["Reason"].as_str().unwrap().contains("deadline exceeded"), "{responses:?}");
}

#[tokio::test]
async fn a_request_whose_process_dies_gets_a_response() {
    let response_sender: Arc<RecordedResponses> = Arc::default();
    let (_, handler) = handler(&response_sender);
    let handler = handler.with_isolation(script("aborts", "kill -ABRT $$").unwrap());
    handler.handle(event(creation())).await.unwrap();
    {
        let responses = response_sender.responses.lock().unwrap();
        assert_eq!((responses.len(), &responses[0].1["Status"]), (1, &json!("FAILED")));
        assert!(responses[0].1["Reason"].as_str().unwrap().contains("internal error"), "{responses:?}");
    }
    let handler = handler.with_isolation(script("refused", "exit 1").unwrap());
    let error = handler.handle(event(creation())).await.unwrap_err();
    assert!(matches!(error, HandlerError::ResponseNotSent(_)), "Lambda retries the request: {error}");
    let handler = handler.with_isolation(script("answers", "exit 0").unwrap());
    handler.handle(event(creation())).await.unwrap();
    assert_eq!(response_sender.responses.lock().unwrap().len(), 1, "only the child responds");
}

/// The test profile unwinds. `local/defect.py` tests the packaged programs, which abort.
#[tokio::test]
async fn a_request_that_panics_gets_a_response() {
    let response_sender: Arc<RecordedResponses> = Arc::default();
    let (memory, handler) = handler(&response_sender);
    memory.contents().faults.before_next(Operation::Commit, |_| unreachable!("a planted defect"));
    handler.handle(event(creation())).await.unwrap();
    let responses = response_sender.responses.lock().unwrap();
    assert_eq!(responses[0].1["Status"], "FAILED");
    assert!(responses[0].1["Reason"].as_str().unwrap().contains("internal error"), "{responses:?}");
}

#[tokio::test]
async fn a_response_that_is_not_accepted_is_an_error() {
    let response_sender = Arc::new(RecordedResponses { reject: true, ..RecordedResponses::default() });
    let (_, handler) = handler(&response_sender);
    let error = handler.handle(event(creation())).await.unwrap_err();
    assert_eq!(error, HandlerError::ResponseNotSent(SendError("HTTP 403".to_owned())));
}

#[tokio::test]
async fn a_request_with_an_untrusted_response_url_is_not_run() {
    let response_sender: Arc<RecordedResponses> = Arc::default();
    let (memory, handler) = handler(&response_sender);
    let mut creation = creation();
    creation["ResponseURL"] = json!("https://answers.example/1?signature=secret");
    let error = handler.handle(event(creation)).await.unwrap_err();
    assert!(matches!(error, HandlerError::UntrustedResponseUrl(_)) && !error.to_string().contains("secret"), "{error}");
    assert!(memory.contents().providers.is_empty() && response_sender.responses.lock().unwrap().is_empty());
}

/// A request to create an integration whose connection test hangs.
async fn hanging_creation() -> (Arc<RecordedResponses>, Arc<InMemory>, Handler<InMemory, Arc<RecordedResponses>>, Value)
{
    let response_sender: Arc<RecordedResponses> = Arc::default();
    let (memory, handler) = handler(&response_sender);
    handler.handle(event(creation())).await.unwrap();
    memory.contents().faults.hang(Operation::TestConnection);
    let mut creation = creation();
    creation["RequestId"] = json!("r2");
    creation["LogicalResourceId"] = json!("Its");
    creation["ResourceType"] = json!("Custom::SecurityHubIntegration");
    creation["ResourceProperties"] = json!({ "Provider": ACCOUNT });
    (response_sender, memory, handler, creation)
}

#[tokio::test(start_paused = true)]
async fn a_timed_out_creation_is_reported_and_has_no_further_effect() {
    let (response_sender, memory, handler, creation) = hanging_creation().await;
    let request = ResourceRequest::parse(&creation).unwrap();
    let references = Arc::strong_count(&handler.service);
    handler.handle_resource_request(request, Duration::from_secs(60)).await.unwrap();
    assert_eq!(Arc::strong_count(&handler.service), references, "the task has ended");
    let responses = response_sender.responses.lock().unwrap();
    let response = &responses[1].1;
    assert_eq!(response["Status"], "SUCCESS", "the integration has the desired properties: {response}");
    let physical_id = response["PhysicalResourceId"].as_str().unwrap();
    assert!(physical_id.starts_with("integration/123456789012/"), "{response}");
    assert_eq!(memory.contents().integrations.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_timed_out_creation_deletes_the_resource() {
    let (response_sender, memory, handler, mut creation) = hanging_creation().await;
    let request = ResourceRequest::parse(&creation).unwrap();
    // The lookup of the outcome fails, too.
    let late = memory.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        late.contents().faults.fail_all("no response");
    });
    handler.handle_resource_request(request, Duration::from_secs(60)).await.unwrap();
    memory.contents().faults.clear();
    let response = response_sender.responses.lock().unwrap()[1].1.clone();
    assert_eq!((&response["Status"], &response["PhysicalResourceId"]), (&json!("FAILED"), &json!("not-created:r2")));
    creation["RequestType"] = json!("Delete");
    creation["RequestId"] = json!("r3");
    creation["PhysicalResourceId"] = response["PhysicalResourceId"].clone();
    handler.handle(event(creation)).await.unwrap();
    assert!(memory.contents().integrations.is_empty());
}
