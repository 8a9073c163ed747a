//! Reads scans: properties of an object, and broken connections.

use exporter::model::upload::Upload;
use exporter::ports::{OpenError, Scans};
use futures::TryStreamExt;

use crate::cloud;
use crate::wire::{Reply, Request, Wire};

const ETAG: &str = "\"0123456789abcdef\"";

fn content() -> Vec<u8> {
    (0..200_000_u32).map(|number| u8::try_from(number % 251).unwrap()).collect()
}

/// S3 with `content`, from the offset of the range header.
fn give(request: &Request) -> Reply {
    let rest = request
        .header("range")
        .map_or(0, |range| range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse::<usize>().unwrap());
    let status = if rest == 0 { 200 } else { 206 };
    Reply::new(status, &content()[rest..]).header("etag", ETAG).header("last-modified", "Mon, 23 Nov 2026 08:00:05 GMT")
}

async fn read(wire: &Wire) -> std::io::Result<Vec<u8>> {
    let scan = cloud(&wire.url).await.open(&Upload::new("scans", "a b+c.json")).await.unwrap();
    scan.body.try_fold(Vec::new(), async |whole, chunk| Ok([whole, chunk.to_vec()].concat())).await
}

#[tokio::test]
async fn the_uploader_is_known_only_for_the_object_of_the_event() {
    let wire = Wire::serve(|_, request| give(request)).await;
    for (etag, known) in [("0123456789abcdef", true), ("another", false)] {
        let (requester, etag) = (Some("210987654321".to_owned()), Some(etag.to_owned()));
        let upload = Upload { requester: requester.clone(), etag, ..Upload::new("scans", "a b+c.json") };
        let scan = cloud(&wire.url).await.open(&upload).await.unwrap();
        assert_eq!(scan.info.requester, requester.filter(|_| known));
    }
}

#[tokio::test]
async fn an_upload_is_identified_by_its_etag_and_streamed() {
    let wire = Wire::serve(|_, request| give(request)).await;
    let upload = Upload { version: Some("v1".to_owned()), ..Upload::new("scans", "a b+c.json") };
    let scan = cloud(&wire.url).await.open(&upload).await.unwrap();
    assert_eq!(scan.info.source, "s3://scans/a b+c.json");
    assert_eq!(scan.info.etag, "0123456789abcdef");
    assert_eq!(scan.info.bytes, 200_000);
    assert_eq!(scan.info.modified_at, Some("2026-11-23T08:00:05Z".parse().unwrap()));
    let chunks: Vec<_> = scan.body.try_collect().await.unwrap();
    assert_eq!(chunks.concat(), content());
    assert!(wire.requests()[0].path.starts_with("/scans/a%20b%2Bc.json?"), "{}", wire.requests()[0].path);
    assert!(wire.requests()[0].path.contains("versionId=v1"));
}

#[tokio::test]
async fn a_broken_download_resumes_at_its_offset_on_the_same_content() {
    let wire = Wire::serve(|number, request| match number {
        0 => give(request).cut_after(70_000),
        1 => Reply::none(),
        2 | 3 => give(request).cut_after(50_000),
        _ => give(request),
    })
    .await;
    assert!(read(&wire).await.unwrap() == content(), "the content differs");
    let requests = wire.requests();
    let ranges: Vec<_> = requests.iter().map(|request| request.header("range").unwrap_or("none")).collect();
    assert_eq!(ranges, ["none", "bytes=70000-", "bytes=70000-", "bytes=120000-", "bytes=170000-"]);
    assert!(requests[1..].iter().all(|request| request.header("if-match") == Some(ETAG)));
}

#[tokio::test]
async fn changed_content_is_not_resumed() {
    let changed = "<Error><Code>PreconditionFailed</Code><Message>changed</Message></Error>";
    let wire = Wire::serve(move |number, request| match number {
        0 => give(request).cut_after(70_000),
        _ => Reply::new(412, changed),
    })
    .await;
    let error = read(&wire).await.unwrap_err();
    assert!(
        error.to_string().contains("resume reading s3://scans/a b+c.json at byte 70000: PreconditionFailed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_repeatedly_is_an_error() {
    let wire = Wire::serve(|_, request| give(request).cut_after(0)).await;
    read(&wire).await.unwrap_err();
    assert_eq!(wire.requests().len(), 6, "one attempt and five resumes");
}

#[tokio::test]
async fn a_deleted_object_is_distinguished_from_a_denied_one() {
    for (status, code, gone) in [(404, "NoSuchKey", true), (404, "NoSuchVersion", true), (403, "AccessDenied", false)] {
        let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
        let wire = Wire::serve(move |_, _| Reply::new(status, body.clone())).await;
        let Err(error) = cloud(&wire.url).await.open(&Upload::new("scans", "k")).await else { panic!("{code} opened") };
        match error {
            OpenError::NotFound { url } => assert!(gone && url == "s3://scans/k", "{code}"),
            OpenError::Failed(error) => {
                assert!(!gone, "{code}");
                assert!(
                    error.to_string().starts_with("failed to open s3://scans/k: AccessDenied: no; without "),
                    "{error}"
                );
            }
        }
    }
}
