//! Inspects the resources of a deployment, and invokes its check function.

use aws::{CheckFunction, Inspector};
use serde_json::json;

use crate::wire::{Reply, Wire};
use crate::{ACCOUNT, config_as};

async fn inspector(status: u16, body: &'static str) -> (Inspector, Wire) {
    let wire = Wire::serve(move |_, _| Reply::new(status, body)).await;
    (Inspector::new(&config_as(ACCOUNT, &wire.url).await), wire)
}

#[tokio::test]
async fn a_bucket_sends_events_to_eventbridge_or_not() {
    let (on, _wire) = inspector(
        200,
        "<NotificationConfiguration><EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>",
    )
    .await;
    assert!(on.bucket_sends_events("scans").await.unwrap());
    let (off, _wire) = inspector(200, "<NotificationConfiguration></NotificationConfiguration>").await;
    assert!(!off.bucket_sends_events("scans").await.unwrap());
}

#[tokio::test]
async fn a_stack_has_resources_with_both_ids() {
    let (stack, _wire) = inspector(
        200,
        "<DescribeStackResourcesResponse><DescribeStackResourcesResult><StackResources>\
         <member><PhysicalResourceId>https://q/?a=1&amp;b=2</PhysicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType>\
         <LogicalResourceId>Queue</LogicalResourceId></member>\
         <member><LogicalResourceId>NotYet</LogicalResourceId></member>\
         </StackResources></DescribeStackResourcesResult></DescribeStackResourcesResponse>",
    )
    .await;
    let found = stack.resources("exporter").await.unwrap();
    let found: Vec<_> = found.iter().map(|one| (one.logical.as_str(), one.physical.as_str())).collect();
    assert_eq!(found, [("Queue", "https://q/?a=1&b=2")]);
}

#[tokio::test]
async fn states_of_rules_mappings_queues_functions_and_schedules_are_read() {
    let (rules, _wire) = inspector(200, r#"{"State": "DISABLED", "EventPattern": "{}"}"#).await;
    assert!(!rules.rule("r").await.unwrap().enabled);
    let (mappings, _wire) = inspector(200, r#"{"EventSourceMappings": [{"UUID": "u", "State": "Disabled"}]}"#).await;
    assert_eq!(mappings.mappings("f").await.unwrap(), [("u".to_owned(), "Disabled".to_owned())]);
    let (schedules, _wire) = inspector(200, r#"{"State": "ENABLED", "ScheduleExpression": "rate(1 hour)"}"#).await;
    assert_eq!(schedules.schedule("s").await.unwrap(), (true, "rate(1 hour)".to_owned()));
    let (queues, _wire) = inspector(
        200,
        r#"{"Attributes": {"ApproximateNumberOfMessages": "2", "ApproximateNumberOfMessagesNotVisible": "3"}}"#,
    )
    .await;
    assert_eq!(queues.messages("https://q").await.unwrap(), 5);
    let (functions, _wire) =
        inspector(200, r#"{"State": "Failed", "StateReason": "no image", "LastUpdateStatus": "Failed"}"#).await;
    let function = functions.function("f").await.unwrap();
    assert_eq!((function.state.as_str(), function.reason.as_deref()), ("Failed", Some("no image")));
}

#[tokio::test]
async fn a_denied_call_is_an_error_with_its_action() {
    let (denied, _wire) = inspector(403, r#"{"__type": "AccessDeniedException", "message": "no"}"#).await;
    let error = denied.rule("the-rule").await.unwrap_err().to_string();
    assert!(error.starts_with("failed to read the rule the-rule: AccessDenied"), "{error}");
}

#[tokio::test]
async fn the_check_function_returns_accounts_that_it_did_not_reach() {
    let answer = json!({"connections": [], "events": [], "forwarded": 0, "not_reached": [ACCOUNT], "problems": ["p"]});
    let wire = Wire::serve(move |_, _| Reply::new(200, answer.to_string())).await;
    let function = CheckFunction::new(&config_as(ACCOUNT, &wire.url).await, "checks");
    let answer = function.check(&[ACCOUNT.parse().unwrap()]).await.unwrap();
    assert_eq!((answer.not_reached.len(), answer.problems), (1, vec!["p".to_owned()]));
    let [request] = wire.requests().try_into().unwrap();
    assert!(request.path.contains("/functions/checks/invocations"), "{}", request.path);
    assert_eq!(request.json(), json!({"accounts": [ACCOUNT], "spread": false}));
}

#[tokio::test]
async fn a_crashed_function_is_reported_with_its_message() {
    let wire = Wire::serve(|_, _| {
        Reply::new(200, r#"{"errorType": "StateNotSaved", "errorMessage": "the table is gone"}"#)
            .header("x-amz-function-error", "Unhandled")
    })
    .await;
    let function = CheckFunction::new(&config_as(ACCOUNT, &wire.url).await, "checks");
    let error = function.check(&[]).await.unwrap_err().to_string();
    assert_eq!(error, "failed to invoke the function checks: the function failed: the table is gone; see its logs");
}

#[tokio::test]
async fn targets_and_concurrency_are_read() {
    let (rules, _wire) = inspector(200, r#"{"Targets": [{"Id": "q", "Arn": "arn:aws:sqs:eu-west-1:1:q"}]}"#).await;
    assert_eq!(rules.targets("r").await.unwrap(), ["arn:aws:sqs:eu-west-1:1:q"]);
    let (none, _wire) = inspector(200, r#"{"Targets": []}"#).await;
    assert!(none.targets("r").await.unwrap().is_empty());
    let (stopped, _wire) = inspector(200, r#"{"ReservedConcurrentExecutions": 0}"#).await;
    assert_eq!(stopped.concurrency("f").await.unwrap(), Some(0));
    let (free, _wire) = inspector(200, "{}").await;
    assert_eq!(free.concurrency("f").await.unwrap(), None);
}

/// The response is the sample of the Amazon SNS API Reference, with one subscription that is not confirmed.
#[tokio::test]
async fn subscriptions_are_confirmed_or_pending() {
    let (topic, wire) = inspector(
        200,
        "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions>\
         <member><TopicArn>arn:aws:sns:eu-west-1:1:news</TopicArn><Protocol>email</Protocol>\
         <SubscriptionArn>arn:aws:sns:eu-west-1:1:news:80289ba6</SubscriptionArn><Owner>1</Owner>\
         <Endpoint>one@example.com</Endpoint></member>\
         <member><TopicArn>arn:aws:sns:eu-west-1:1:news</TopicArn><Protocol>email</Protocol>\
         <SubscriptionArn>PendingConfirmation</SubscriptionArn><Owner>1</Owner>\
         <Endpoint>two@example.com</Endpoint></member>\
         </Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>",
    )
    .await;
    let found = topic.subscriptions("arn:aws:sns:eu-west-1:1:news").await.unwrap();
    assert_eq!(found, [("one@example.com".to_owned(), true), ("two@example.com".to_owned(), false)]);
    let [request] = wire.requests().try_into().unwrap();
    assert_eq!(
        request.text(),
        "Action=ListSubscriptionsByTopic&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aeu%2Dwest%2D1%3A1%3Anews"
    );
    assert!(request.header("authorization").unwrap().contains("/sns/aws4_request"));
}
