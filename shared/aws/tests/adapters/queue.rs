//! Messages in the queue: uploads as EventBridge events, and jobs.

use std::time::Duration;

use aws::{Cloud, ResourceNames};
use exporter::jobs::Queue;
use exporter::jobs::{Chain, Job, JobMessage, JobProgress, JobRecord, JobState, JobStore as _, Round};

use exporter::model::upload::Upload;
use exporter::ports::settings_store::Page;
use management::ports::JobSubmitter as _;
use serde_json::{Value, json};

use crate::wire::{Reply, Wire};
use crate::{ACCOUNT, cloud, config_as};

async fn with_queue(wire: &Wire) -> Cloud {
    let queue_url = Some(format!("{}/{ACCOUNT}/uploads", wire.url));
    let names = ResourceNames { table: "table".to_owned(), state_bucket: "state".to_owned(), queue_url };
    Cloud::new(&config_as(ACCOUNT, &wire.url).await, names)
}

#[tokio::test]
async fn a_job_is_a_message_in_the_queue_of_uploads() {
    let wire = Wire::serve(|_, _| Reply::new(200, json!({ "MessageId": "m" }).to_string())).await;
    let cloud = with_queue(&wire).await;
    let job = JobMessage::new(Some("7".to_owned()), Job::UndoArchive { run_id: "run-1".to_owned() });
    assert!(cloud.enqueue_job(&job, Duration::from_secs(120)).await.unwrap());
    let chain = Chain { rounds: 3, ..Chain::default() };
    let round = Round { chain, delay: Duration::from_secs(100_000) };
    let (requester, etag) = (Some("210987654321".to_owned()), Some("e".to_owned()));
    let upload = Upload { requester, etag, ..Upload::new("scans", "a b.json") };
    assert!(cloud.requeue(&upload, &round).await.unwrap());
    let [ordered, put_back] = wire.requests().try_into().unwrap();
    let (ordered, put_back) = (ordered.json(), put_back.json());
    let body = |message: &Value| serde_json::from_str::<Value>(message["MessageBody"].as_str().unwrap()).unwrap();
    assert_eq!(body(&ordered), json!({ "job": "undo_archive", "run_id": "run-1", "id": "7" }));
    assert_eq!((&ordered["DelaySeconds"], &put_back["DelaySeconds"]), (&json!(120), &json!(900)), "the maximum of SQS");
    assert_eq!(body(&put_back)["detail"]["object"]["key"], "a b.json");
    assert_eq!(body(&put_back)["detail"]["object"]["etag"], "e");
    assert_eq!(body(&put_back)["detail"]["requester"], "210987654321");
    assert_eq!(body(&put_back)["chain"], json!({ "rounds": 3, "idle_rounds": 0, "completed": 0 }));
}

#[tokio::test]
async fn characters_that_sqs_rejects_are_escaped_in_keys() {
    let wire = Wire::serve(|_, _| Reply::new(200, json!({ "MessageId": "m" }).to_string())).await;
    let round = Round { chain: Chain::default(), delay: Duration::ZERO };
    let key = "a\u{1}\u{fffe}\u{ffff}\u{1f600}";
    assert!(with_queue(&wire).await.requeue(&Upload::new("scans", key), &round).await.unwrap());
    let body = wire.requests()[0].json()["MessageBody"].as_str().unwrap().to_owned();
    // Amazon SQS API reference, SendMessage: "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF".
    let may = |letter: char| letter >= ' ' && !['\u{fffe}', '\u{ffff}'].contains(&letter);
    assert!(body.chars().all(may), "{body:?}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["detail"]["object"]["key"], key);
}

#[tokio::test]
async fn without_a_queue_no_job_is_submitted() {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    let job = JobMessage::new(None, Job::Redrive { run_id: None, code: None });
    assert!(!cloud(&wire.url).await.enqueue_job(&job, Duration::ZERO).await.unwrap());
    assert!(wire.requests().is_empty());
}

#[tokio::test]
async fn a_job_is_recorded_before_it_is_enqueued() {
    let wire = Wire::serve(|_, _| Reply::new(200, json!({ "MessageId": "m" }).to_string())).await;
    let job = Job::Approve { run_id: "run-1".to_owned(), pending: false, unproven: false };
    let record = JobRecord::new("7".to_owned(), job, "2026-11-23T09:00:00Z".parse().unwrap(), "ada");
    with_queue(&wire).await.submit(&record).await.unwrap();
    let [recorded, message] = wire.requests().try_into().unwrap();
    assert_eq!(recorded.header("x-amz-target"), Some("DynamoDB_20120810.PutItem"));
    assert_eq!(message.header("x-amz-target"), Some("AmazonSQS.SendMessage"));
    let item = recorded.json()["Item"].clone();
    assert_eq!(
        (&item["pk"]["S"], &item["sk"]["S"], &item["state"]["S"]),
        (&json!("job"), &json!("7"), &json!("pending"))
    );

    let found =
        Wire::serve(move |_, _| Reply::new(200, json!({ "Item": item, "Items": [item], "Count": 1 }).to_string()))
            .await;
    let cloud = cloud(&found.url).await;
    assert_eq!(cloud.job_record("7").await.unwrap(), Some(record.clone()));
    let part = cloud.jobs(&Page { limit: 5, after: None }).await.unwrap();
    assert_eq!((part.entries, part.next), (vec![record], None));
}

#[tokio::test]
async fn a_failed_job_is_pending_again_before_its_message_is_on_the_queue() {
    let wire = Wire::serve(|_, _| Reply::new(200, json!({ "MessageId": "m" }).to_string())).await;
    let now = "2026-11-23T09:00:00Z".parse().unwrap();
    let job = Job::UndoArchive { run_id: "run-1".to_owned() };
    let record = JobRecord::new("7".to_owned(), job, now, "ada");
    let cloud = with_queue(&wire).await;
    assert_eq!(cloud.retry(&record).await.unwrap(), None, "the job has not failed");
    let failed = record.clone().completed(JobState::Failed, Some("why".to_owned()), now);
    let retried = cloud.retry(&failed).await.unwrap().unwrap();
    assert_eq!((retried.state, retried.completed_at), (JobState::Pending, None));
    let [recorded, message] = wire.requests().try_into().unwrap();
    assert_eq!(recorded.json()["Item"]["state"]["S"], "pending");
    let condition = "attribute_not_exists(pk) OR #state = :waiting OR #state = :failed";
    assert_eq!(recorded.json()["ConditionExpression"], condition);
    assert_eq!(message.header("x-amz-target"), Some("AmazonSQS.SendMessage"));
}

#[tokio::test]
async fn progress_is_written_only_while_the_job_is_pending() {
    let wire = Wire::serve(|_, _| {
        let body = json!({ "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException" });
        Reply::new(400, body.to_string())
    })
    .await;
    let at = "2026-11-23T09:00:00Z".parse().unwrap();
    let progress = JobProgress { done: 7, total: Some(10), regions: [].into(), updated_at: at };
    assert!(!cloud(&wire.url).await.record_progress("7", &progress).await.unwrap(), "the job has ended");
    let [written] = wire.requests().try_into().unwrap();
    assert_eq!(written.header("x-amz-target"), Some("DynamoDB_20120810.UpdateItem"));
    let written = written.json();
    assert_eq!(written["ConditionExpression"], "#state = :pending", "a missing item has no state");
    assert_eq!(written["UpdateExpression"], "SET progress = :progress", "the record itself is never overwritten");
    assert_eq!(written["ExpressionAttributeValues"][":pending"]["S"], "pending");
    assert_eq!(written["Key"], json!({ "pk": { "S": "job" }, "sk": { "S": "7" } }));
}

#[tokio::test]
async fn a_job_with_an_unknown_enqueue_outcome_is_recorded_as_such() {
    let wire = Wire::serve(|_, request| match request.header("x-amz-target") {
        Some("AmazonSQS.SendMessage") => Reply::new(
            400,
            json!({ "__type": "AWS.SimpleQueueService.NonExistentQueue", "message": "gone" }).to_string(),
        ),
        _ => Reply::new(200, "{}"),
    })
    .await;
    let job = Job::Approve { run_id: "run-1".to_owned(), pending: false, unproven: false };
    let record = JobRecord::new("7".to_owned(), job, "2026-11-23T09:00:00Z".parse().unwrap(), "ada");
    with_queue(&wire).await.submit(&record).await.unwrap_err();
    let last = wire.requests().pop().unwrap().json();
    assert_eq!(last["Item"]["state"]["S"], JobState::Pending.as_str());
    let message = last["Item"]["record"]["M"]["message"]["S"].as_str().unwrap();
    assert!(message.starts_with("it is unknown whether the job was enqueued"), "{message}");
}
