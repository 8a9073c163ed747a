use serde_json::json;

use exporter::jobs::Job;

use super::*;

fn s3_event(name: &str, key: &str) -> Value {
    json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name,
        "s3": {"bucket": {"name": "scans"}, "object": {"key": key, "size": 1, "versionId": "v1"}},
    }]})
}

fn eventbridge_event(kind: &str, key: &str) -> Value {
    json!({"version": "0", "source": "aws.s3", "detail-type": kind,
        "detail": {"bucket": {"name": "scans"}, "object": {"key": key, "version-id": "v2"}}})
}

fn upload(key: &str, version: &str) -> Upload {
    Upload { version: Some(version.to_owned()), ..Upload::new("scans", key) }
}

#[test]
fn the_uploader_is_read_from_eventbridge_and_not_from_a_topic() {
    let mut event = eventbridge_event("Object Created", "a");
    event["detail"]["requester"] = "210987654321".into();
    event["detail"]["object"]["etag"] = "e".into();
    let named = Upload { requester: Some("210987654321".to_owned()), etag: Some("e".to_owned()), ..upload("a", "v2") };
    assert_eq!(uploads(&event), Ok(vec![named.clone()]));
    // Any principal that may publish to the topic can write any content.
    let envelope = json!({"Type": "Notification", "TopicArn": "arn", "Message": event.to_string()});
    assert_eq!(parse_task(&envelope), Ok(exported([Upload { requester: None, ..named }])));
    let mut notification = s3_event("ObjectCreated:Put", "a");
    notification["Records"][0]["userIdentity"] = json!({"principalId": "AWS:AIDA210987654321"});
    assert_eq!(uploads(&notification), Ok(vec![upload("a", "v1")]));
}

/// The task to export uploads at the beginning of a chain.
fn exported(uploads: impl IntoIterator<Item = Upload>) -> Task {
    Task::Uploads(uploads.into_iter().collect(), Chain::default())
}

#[test]
fn the_key_of_an_s3_event_is_form_encoded() {
    let parsed = |key| uploads(&s3_event("ObjectCreated:Put", key)).unwrap();
    assert_eq!(parsed("red+flower%2B1.json"), [upload("red flower+1.json", "v1")]);
    assert_eq!(parsed("pr%C3%BCfung/%25.json"), [upload("prüfung/%.json", "v1")]);
    assert!(matches!(uploads(&s3_event("ObjectCreated:Put", "%FF")), Err(EventError::Incomplete(_))));
}

#[test]
fn the_key_of_an_eventbridge_event_is_plain() {
    let parsed = uploads(&eventbridge_event("Object Created", "red+flower%2B1.json")).unwrap();
    assert_eq!(parsed, [upload("red+flower%2B1.json", "v2")]);
}

#[test]
fn an_empty_string_counts_as_missing() {
    let mut notification = s3_event("ObjectCreated:Put", "a");
    let mut event = eventbridge_event("Object Created", "a");
    notification["Records"][0]["s3"]["object"]["versionId"] = "".into();
    event["detail"]["object"]["version-id"] = "".into();
    for event in [&notification, &event] {
        assert_eq!(uploads(event), Ok(vec![Upload::new("scans", "a")]), "S3 rejects an empty version");
    }
    notification["Records"][0]["s3"]["object"]["key"] = "".into();
    event["detail"]["bucket"]["name"] = "".into();
    for event in [&notification, &event] {
        assert!(matches!(uploads(event), Err(EventError::Incomplete(_))), "an object key is never empty");
    }
}

#[test]
fn an_event_may_have_several_records_and_others_are_skipped() {
    let mut event = s3_event("ObjectCreated:CompleteMultipartUpload", "a");
    for other in [s3_event("ObjectRemoved:Delete", "b"), s3_event("s3:ObjectCreated:Copy", "c")] {
        let record = other["Records"][0].clone();
        event["Records"].as_array_mut().unwrap().push(record);
    }
    assert_eq!(parse(&event).unwrap(), Invocation::Direct(exported([upload("a", "v1"), upload("c", "v1")])));
    assert_eq!(uploads(&eventbridge_event("Object Deleted", "a")), Ok(Vec::new()));
}

#[test]
fn the_test_event_of_s3_is_ignored() {
    let event = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "scans"});
    assert_eq!(parse(&event), Ok(Invocation::Direct(exported([]))));
}

#[test]
fn each_message_of_a_queue_is_parsed_separately() {
    let message = |id: &str, body: &str| json!({"messageId": id, "eventSource": "aws:sqs", "body": body});
    let payload = json!({"Records": [
        message("1", &s3_event("ObjectCreated:Put", "a+b").to_string()),
        message("2", &eventbridge_event("Object Created", "a+b").to_string()),
        message("3", "not JSON"),
        message("4", r#"{"hello": "world"}"#),
        message("5", r#"{"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {}}}"#),
        message("6", r#"{"job": "undo_archive", "run_id": "r", "id": "7"}"#),
        message("7", r#"{"job": "undo_archive", "run": "r"}"#),
        message("8", r#"{"job": "dance"}"#),
    ]});
    let Invocation::Queue(messages) = parse(&payload).unwrap() else { panic!("not messages of a queue") };
    let ids: Vec<_> = messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(messages[0].task, Ok(exported([upload("a b", "v1")])));
    assert_eq!(messages[1].task, Ok(exported([upload("a+b", "v2")])));
    assert!(matches!(messages[2].task, Err(EventError::NotJson(_))));
    assert_eq!(messages[3].task, Err(EventError::Unknown));
    assert!(matches!(messages[4].task, Err(EventError::Incomplete(_))));
    let job = Job::UndoArchive { run_id: "r".to_owned() };
    assert_eq!(messages[5].task, Ok(Task::Job(JobMessage::new(Some("7".to_owned()), job))));
    for unknown in &messages[6..] {
        assert!(matches!(unknown.task, Err(EventError::UnknownJob(_))), "{unknown:?}");
    }
}

#[test]
fn a_message_has_its_receive_count_and_chain() {
    let mut event = eventbridge_event("Object Created", "a");
    event["chain"] = json!({"rounds": 4, "idle_rounds": 2});
    let message = json!({"messageId": "1", "eventSource": "aws:sqs", "body": event.to_string(),
        "attributes": {"ApproximateReceiveCount": "3"}});
    let Invocation::Queue(messages) = parse(&json!({ "Records": [message] })).unwrap() else {
        panic!("not messages of a queue")
    };
    let chain = Chain { rounds: 4, idle_rounds: 2, ..Chain::default() };
    assert_eq!((messages[0].receives, &messages[0].task), (3, &Ok(Task::Uploads(vec![upload("a", "v2")], chain))));
    event["chain"] = json!("x");
    assert!(matches!(parse_task(&event), Err(EventError::Incomplete(_))));
}

#[test]
fn a_topic_may_deliver_uploads_but_not_jobs() {
    let published = |message: String| {
        json!({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:uploads",
            "Subject": "Amazon S3 Notification", "Message": message, "Timestamp": "2026-11-23T08:00:00.000Z"})
    };
    let by_topic = |event: Value| parse_task(&published(event.to_string()));
    assert_eq!(by_topic(s3_event("ObjectCreated:Put", "a+b")), Ok(exported([upload("a b", "v1")])));
    assert_eq!(by_topic(eventbridge_event("Object Created", "a")), Ok(exported([upload("a", "v2")])));
    assert_eq!(by_topic(json!({"Service": "Amazon S3", "Event": "s3:TestEvent"})), Ok(exported([])));
    assert_eq!(by_topic(json!({"job": "undo_archive", "run_id": "r"})), Err(EventError::Unknown));
    assert!(matches!(parse_task(&published("hello".to_owned())), Err(EventError::NotJson(_))));
}

#[test]
fn another_payload_is_an_error() {
    for payload in [json!({}), json!(null), json!([]), json!({"source": "aws.ec2", "detail-type": "x"})] {
        assert_eq!(parse(&payload), Err(EventError::Unknown), "{payload}");
    }
}

#[test]
fn the_sample_events_have_their_tasks() {
    macro_rules! sample {
        ($name:literal) => {
            parse(&serde_json::from_str(include_str!(concat!("../../../../events/", $name))).unwrap()).unwrap()
        };
    }
    let key = "output/réseau nord/output + notes.ocsf.json.gz";
    let uploads_of = |task| match task {
        Task::Uploads(uploads, _) => uploads,
        Task::Job(job) => panic!("a job to {}", job.job),
    };
    let direct = |invocation| match invocation {
        Invocation::Direct(work) => uploads_of(work),
        Invocation::Queue(_) => panic!("from a queue"),
    };
    let queued = |invocation| match invocation {
        Invocation::Queue(messages) => messages.into_iter().flat_map(|one| uploads_of(one.task.unwrap())).collect(),
        Invocation::Direct(_) => panic!("not from a queue"),
    };
    let uploads = [Upload::new("prowler-scans", key)];
    let (requester, etag) = (Some("123456789012".to_owned()), Some("0123456789abcdef0123456789abcdef".to_owned()));
    let known = [Upload { requester, etag, ..uploads[0].clone() }];
    assert_eq!(direct(sample!("s3.json")), uploads);
    assert_eq!(direct(sample!("eventbridge.json")), known);
    assert_eq!(direct(sample!("s3-test.json")), []);
    let nothing: Vec<Upload> = queued(sample!("sqs-s3-test.json"));
    assert_eq!(nothing, []);
    let found: Vec<Upload> = queued(sample!("sqs-eventbridge.json"));
    assert_eq!(found, known);
    for from_queue in [sample!("sqs-s3.json"), sample!("sqs-sns-s3.json")] {
        let found: Vec<Upload> = queued(from_queue);
        assert_eq!(found, uploads);
    }
    let Invocation::Direct(Task::Job(job)) = sample!("job.json") else { panic!("not a job") };
    assert!(matches!(job.job, Job::Reconcile { dry_run: true, .. }), "{job:?}");
    let Invocation::Queue(messages) = sample!("sqs-job.json") else { panic!("not messages of a queue") };
    let Ok(Task::Job(job)) = &messages[0].task else { panic!("not a job") };
    assert!(matches!(job.job, Job::UndoArchive { .. }), "{job:?}");
    let two: Vec<Upload> = queued(sample!("sqs-eventbridge-two.json"));
    assert_eq!(two.len(), 2);
    assert_eq!(two[1].key, "output/100%25 done/output.ocsf.json.gz", "the key is not form-encoded");
}
