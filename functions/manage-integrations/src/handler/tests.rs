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

/// Takes answers, or does not.
#[derive(Default)]
struct RecordedResponses {
    responses: Mutex<Vec<(String, Value)>>,
    refuse: bool,
    response_url_policy: ResponseUrlPolicy,
}

impl ResponseSender for Arc<RecordedResponses> {
    fn allows(&self, url: &str) -> Result<(), UntrustedResponseUrl> {
        self.response_url_policy.allows(url)
    }

    async fn put(&self, url: &str, body: Bytes) -> Result<(), SendError> {
        if self.refuse {
            return Err(SendError("HTTP 403".to_owned()));
        }
        self.responses.lock().unwrap().push((url.to_owned(), serde_json::from_slice(&body).unwrap()));
        Ok(())
    }
}

fn handler(answers: &Arc<RecordedResponses>) -> (Arc<InMemory>, Handler<InMemory, Arc<RecordedResponses>>) {
    let memory = Arc::new(InMemory::default());
    let settings = Settings { secret_prefix: "securityhub-exporter/".to_owned(), ..Settings::default() };
    (memory.clone(), Handler::new(Arc::new(Service::new(memory, settings)), answers.clone()))
}

fn event(payload: Value) -> LambdaEvent<Value> {
    LambdaEvent::new(payload, Context::default())
}

fn sample(text: &str) -> LambdaEvent<Value> {
    event(serde_json::from_str(text).unwrap())
}

#[tokio::test]
async fn the_samples_are_answered() {
    let answers = Arc::new(RecordedResponses {
        response_url_policy: ResponseUrlPolicy::Anywhere,
        ..RecordedResponses::default()
    });
    let (_, handler) = handler(&answers);
    let made = handler.handle(sample(include_str!("../../../../events/manage-create-provider.json"))).await.unwrap();
    assert_eq!(made["statusCode"], 201, "{made}");
    let listed = handler.handle(sample(include_str!("../../../../events/manage-list.json"))).await.unwrap();
    assert_eq!(listed["statusCode"], 200, "{listed}");
    handler.handle(sample(include_str!("../../../../events/manage-cloudformation.json"))).await.unwrap();
    let responses = answers.responses.lock().unwrap();
    assert_eq!(responses[0].1["Status"], "SUCCESS", "{responses:?}");
}

#[tokio::test]
async fn what_is_neither_is_refused() {
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
async fn cloudformation_gets_its_answer_where_it_wants_it() {
    let answers = Arc::default();
    let (memory, handler) = handler(&answers);
    handler.handle(event(creation())).await.unwrap();
    let responses = answers.responses.lock().unwrap().clone();
    let [(url, answer)] = responses.as_slice() else { unreachable!("{responses:?}") };
    assert_eq!((url.as_str(), &answer["Status"]), ("https://answers.s3.amazonaws.com/1", &json!("SUCCESS")));
    assert_eq!((&answer["RequestId"], &answer["LogicalResourceId"]), (&json!("r"), &json!("Mine")));
    assert_eq!(memory.contents().providers.len(), 1);
}

#[tokio::test]
async fn a_request_that_has_no_time_left_is_answered() {
    let answers: Arc<RecordedResponses> = Arc::default();
    let (_, handler) = handler(&answers);
    let request = ResourceRequest::parse(&creation()).unwrap();
    handler.handle_resource_request(request, Duration::ZERO).await.unwrap();
    let responses = answers.responses.lock().unwrap();
    assert_eq!(responses[0].1["Status"], "FAILED");
    assert!(responses[0].1["Reason"].as_str().unwrap().contains("deadline exceeded"), "{responses:?}");
}

#[tokio::test]
async fn the_end_of_the_process_of_a_request_is_answered() {
    let answers: Arc<RecordedResponses> = Arc::default();
    let (_, handler) = handler(&answers);
    let handler = handler.with_isolation(script("aborts", "kill -ABRT $$").unwrap());
    handler.handle(event(creation())).await.unwrap();
    {
        let responses = answers.responses.lock().unwrap();
        assert_eq!((responses.len(), &responses[0].1["Status"]), (1, &json!("FAILED")));
        assert!(responses[0].1["Reason"].as_str().unwrap().contains("internal error"), "{responses:?}");
    }
    let handler = handler.with_isolation(script("refused", "exit 1").unwrap());
    let error = handler.handle(event(creation())).await.unwrap_err();
    assert!(matches!(error, HandlerError::ResponseNotSent(_)), "Lambda tries it again: {error}");
    let handler = handler.with_isolation(script("answers", "exit 0").unwrap());
    handler.handle(event(creation())).await.unwrap();
    assert_eq!(answers.responses.lock().unwrap().len(), 1, "the child answers, and nobody else");
}

/// In the profile of the tests, which unwinds. `local/defect.py` has the same tried with the packaged programs.
#[tokio::test]
async fn a_defect_of_ours_is_answered() {
    let answers: Arc<RecordedResponses> = Arc::default();
    let (memory, handler) = handler(&answers);
    memory.contents().faults.before_next(Operation::Commit, |_| unreachable!("a planted defect"));
    handler.handle(event(creation())).await.unwrap();
    let responses = answers.responses.lock().unwrap();
    assert_eq!(responses[0].1["Status"], "FAILED");
    assert!(responses[0].1["Reason"].as_str().unwrap().contains("internal error"), "{responses:?}");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_has_lambda_try_again() {
    let answers = Arc::new(RecordedResponses { refuse: true, ..RecordedResponses::default() });
    let (_, handler) = handler(&answers);
    let error = handler.handle(event(creation())).await.unwrap_err();
    assert_eq!(error, HandlerError::ResponseNotSent(SendError("HTTP 403".to_owned())));
}

#[tokio::test]
async fn a_request_whose_answer_would_go_elsewhere_is_not_carried_out() {
    let answers: Arc<RecordedResponses> = Arc::default();
    let (memory, handler) = handler(&answers);
    let mut creation = creation();
    creation["ResponseURL"] = json!("https://answers.example/1?signature=secret");
    let error = handler.handle(event(creation)).await.unwrap_err();
    assert!(matches!(error, HandlerError::UntrustedResponseUrl(_)) && !error.to_string().contains("secret"), "{error}");
    assert!(memory.contents().providers.is_empty() && answers.responses.lock().unwrap().is_empty());
}

/// A creation of an integration whose test does not end.
async fn one_that_hangs() -> (Arc<RecordedResponses>, Arc<InMemory>, Handler<InMemory, Arc<RecordedResponses>>, Value) {
    let answers: Arc<RecordedResponses> = Arc::default();
    let (memory, handler) = handler(&answers);
    handler.handle(event(creation())).await.unwrap();
    memory.contents().faults.hang(Operation::TestConnection);
    let mut creation = creation();
    creation["RequestId"] = json!("r2");
    creation["LogicalResourceId"] = json!("Its");
    creation["ResourceType"] = json!("Custom::SecurityHubIntegration");
    creation["ResourceProperties"] = json!({ "Provider": ACCOUNT });
    (answers, memory, handler, creation)
}

#[tokio::test(start_paused = true)]
async fn what_was_made_when_the_time_is_over_is_told_and_nothing_goes_on() {
    let (answers, memory, handler, creation) = one_that_hangs().await;
    let request = ResourceRequest::parse(&creation).unwrap();
    let at_work = Arc::strong_count(&handler.service);
    handler.handle_resource_request(request, Duration::from_secs(60)).await.unwrap();
    assert_eq!(Arc::strong_count(&handler.service), at_work, "the work is gone");
    let responses = answers.responses.lock().unwrap();
    let answer = &responses[1].1;
    assert_eq!(answer["Status"], "SUCCESS", "it stands as it was asked for: {answer}");
    let physical_id = answer["PhysicalResourceId"].as_str().unwrap();
    assert!(physical_id.starts_with("integration/123456789012/"), "{answer}");
    assert_eq!(memory.contents().integrations.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_creation_that_failed_in_time_left_is_deleted_by_its_rollback() {
    let (answers, memory, handler, mut creation) = one_that_hangs().await;
    let request = ResourceRequest::parse(&creation).unwrap();
    // The table does not answer either, when it is asked what was made.
    let late = memory.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        late.contents().faults.fail_all("no answer");
    });
    handler.handle_resource_request(request, Duration::from_secs(60)).await.unwrap();
    memory.contents().faults.clear();
    let answer = answers.responses.lock().unwrap()[1].1.clone();
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("FAILED"), &json!("not-created:r2")));
    creation["RequestType"] = json!("Delete");
    creation["RequestId"] = json!("r3");
    creation["PhysicalResourceId"] = answer["PhysicalResourceId"].clone();
    handler.handle(event(creation)).await.unwrap();
    assert!(memory.contents().integrations.is_empty());
}
