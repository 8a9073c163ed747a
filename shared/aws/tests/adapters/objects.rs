//! Writes objects in one request or as a multipart upload. An object is not visible before it is finished.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use exporter::ports::{ObjectWriter, Objects, PortError, PutMode};

use crate::cloud;
use crate::wire::{Reply, Request, Wire};

const PART: usize = 5 * 1024 * 1024;

/// S3 with the operations of multipart uploads.
fn take(request: &Request) -> Reply {
    match (request.method.as_str(), request.path.contains("uploadId=")) {
        ("POST", false) => {
            Reply::new(200, "<InitiateMultipartUploadResult><UploadId>up-1</UploadId></InitiateMultipartUploadResult>")
        }
        ("POST", true) => Reply::new(200, "<CompleteMultipartUploadResult/>"),
        ("DELETE", _) => Reply::new(204, ""),
        _ => Reply::new(200, "")
            .header("etag", &format!("\"{}\"", request.body.len()))
            .header("x-amz-checksum-crc32", request.header("x-amz-checksum-crc32").unwrap_or_default()),
    }
}

fn error(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>no</Message></Error>")
}

fn methods(wire: &Wire) -> Vec<String> {
    wire.requests().into_iter().map(|request| request.method).collect()
}

#[tokio::test]
async fn a_small_object_is_put_in_one_request_at_the_end() {
    let wire = Wire::serve(|_, request| take(request)).await;
    let mut writer = cloud(&wire.url).await.create("runs/1/report.json", PutMode::Overwrite).await.unwrap();
    writer.write(Bytes::from_static(b"{\"a\":")).await.unwrap();
    writer.write(Bytes::from_static(b"1}")).await.unwrap();
    assert!(wire.requests().is_empty(), "the object is not visible before it is finished");
    writer.finish().await.unwrap();
    let [put] = wire.requests().try_into().unwrap();
    assert!(put.method == "PUT" && put.path.starts_with("/state/runs/1/report.json?"), "{put:?}");
    assert_eq!(put.header("content-type"), Some("application/json"));
    assert_eq!(put.body, b"{\"a\":1}");
    assert_eq!(put.header("x-amz-checksum-crc32"), Some("Vhusrw=="));
}

#[tokio::test]
async fn an_object_of_5_mib_or_more_is_uploaded_in_parts() {
    let wire = Wire::serve(|_, request| take(request)).await;
    let mut writer = cloud(&wire.url).await.create("runs/1/quarantine.jsonl", PutMode::Overwrite).await.unwrap();
    for chunk in 0..24 {
        writer.write(Bytes::from(vec![b'a' + chunk; 512 * 1024])).await.unwrap();
    }
    writer.finish().await.unwrap();
    let requests = wire.requests();
    assert_eq!(methods(&wire), ["POST", "PUT", "PUT", "PUT", "POST"]);
    assert_eq!(requests[0].header("content-type"), Some("application/x-ndjson"));
    let parts: Vec<_> = requests[1..4].iter().map(|part| part.body.len()).collect();
    assert_eq!(parts, [PART, PART, 2 * 1024 * 1024]);
    let whole: Vec<u8> = requests[1..4].iter().flat_map(|part| part.body.clone()).collect();
    assert!(whole.chunks(512 * 1024).zip(b'a'..).all(|(chunk, letter)| chunk.iter().all(|&byte| byte == letter)));
    let end = requests[4].text();
    assert!(end.contains("<PartNumber>3</PartNumber>") && end.contains("5242880"), "{end}");
    // S3 accepts the checksums of the parts at the end only if the upload was created with their algorithm.
    assert_eq!(requests[0].header("x-amz-checksum-algorithm"), Some("CRC32"));
    for part in &requests[1..4] {
        let checksum = part.header("x-amz-checksum-crc32").unwrap();
        assert!(end.contains(&format!("<ChecksumCRC32>{checksum}</ChecksumCRC32>")), "{checksum} is not in {end}");
    }
}

/// Creates an object of one or more parts on an S3 that rejects the completing request `times` times. Returns the outcome, and
/// the completing requests.
async fn write_rejected(bytes: usize, status: u16, code: &str, times: usize) -> (Result<(), PortError>, Vec<Request>) {
    let (left, body) = (AtomicUsize::new(times), error(code));
    let wire = Wire::serve(move |_, request| {
        let last = request.header("if-none-match").is_some();
        match last && left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            true => Reply::new(status, body.clone()),
            false => take(request),
        }
    })
    .await;
    let mut writer = cloud(&wire.url).await.create("x", PutMode::Create).await.unwrap();
    writer.write(Bytes::from(vec![7; bytes])).await.unwrap();
    let outcome = writer.finish().await;
    let mut requests = wire.requests();
    requests.retain(|request| request.header("if-none-match").is_some());
    (outcome, requests)
}

#[tokio::test]
async fn a_conflicting_write_is_retried_and_a_failed_condition_is_not() {
    // Concurrently, since the SDK waits between its attempts.
    let small_and_large = [10, PART + 10].map(async |bytes| {
        for code in ["ConditionalRequestConflict", "OperationAborted"] {
            let (outcome, requests) = write_rejected(bytes, 409, code, 1).await;
            outcome.unwrap();
            assert_eq!((requests.len(), &requests[0].body), (2, &requests[1].body), "{code}, {bytes} bytes");
        }
        let (outcome, requests) = write_rejected(bytes, 409, "ConditionalRequestConflict", usize::MAX).await;
        assert_eq!(outcome.unwrap_err().to_string(), "failed to write s3://state/x: ConditionalRequestConflict: no");
        assert_eq!(requests.len(), 3, "the number of the SDK's attempts");
        let (outcome, requests) = write_rejected(bytes, 412, "PreconditionFailed", 1).await;
        assert_eq!(outcome.unwrap_err().to_string(), "failed to write s3://state/x: PreconditionFailed: no");
        assert_eq!(requests.len(), 1, "{bytes} bytes");
    });
    futures::future::join_all(small_and_large).await;
}

#[tokio::test]
async fn an_upload_completion_with_an_error_in_status_200_fails() {
    let (outcome, requests) = write_rejected(PART, 200, "AccessDenied", usize::MAX).await;
    assert_eq!(outcome.unwrap_err().to_string(), "failed to write s3://state/x: AccessDenied: no");
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn denied_access_may_mean_that_the_object_does_not_exist() {
    let read = async |message: &str| {
        let body = format!("<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>");
        let wire = Wire::serve(move |_, _| Reply::new(403, body.clone())).await;
        cloud(&wire.url).await.object("x").await.err().unwrap().to_string()
    };
    assert_eq!(
        read("Access Denied").await,
        "failed to read s3://state/x: AccessDenied: Access Denied; without s3:ListBucket on state, S3 also denies access to an object \
         that does not exist"
    );
    let named = "User: u is not authorized to perform: kms:Decrypt on the resource";
    assert_eq!(read(named).await, format!("failed to read s3://state/x: AccessDenied: {named}"));
}

#[tokio::test]
async fn an_unfinished_object_leaves_nothing() {
    let wire = Wire::serve(|_, request| take(request)).await;
    let mut writer = cloud(&wire.url).await.create("x", PutMode::Overwrite).await.unwrap();
    writer.write(Bytes::from(vec![0; PART])).await.unwrap();
    drop(writer);
    wait_for_abort(&wire).await;
}

#[tokio::test]
async fn a_failed_part_fails_the_object_and_aborts_the_upload() {
    let wire = Wire::serve(move |_, request| match request.method.as_str() {
        "PUT" => Reply::new(403, error("AccessDenied")),
        _ => take(request),
    })
    .await;
    let mut writer = cloud(&wire.url).await.create("x", PutMode::Overwrite).await.unwrap();
    let error = writer.write(Bytes::from(vec![0; PART])).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to write s3://state/x: AccessDenied: no");
    drop(writer);
    wait_for_abort(&wire).await;
}

async fn wait_for_abort(wire: &Wire) {
    for _ in 0..100 {
        if let Some(last) = wire.requests().last()
            && last.method == "DELETE"
        {
            assert!(last.path.contains("uploadId=up-1"), "{}", last.path);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never aborted: {:?}", methods(wire));
}
