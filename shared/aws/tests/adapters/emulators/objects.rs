//! Objects of the state bucket: in one part or several, with and without conditions.

use std::time::Duration;

use bytes::Bytes;
use exporter::ports::{ObjectWriter as _, Objects as _, PutMode};

use super::{Place, noise, on_each_emulator};

/// Minimum size of a part in S3.
const PART: usize = 5 * 1024 * 1024;

on_each_emulator![
    an_object_of_any_size_is_read_unchanged,
    an_existing_object_is_not_replaced_by_a_create,
    an_object_is_replaced_only_if_it_is_unchanged,
    only_one_of_concurrent_writers_succeeds,
    an_unfinished_object_leaves_neither_object_nor_parts,
    keys_are_listed_by_their_prefix,
];

async fn an_object_of_any_size_is_read_unchanged(place: Place) {
    for length in [0, 1, PART - 1, PART, 2 * PART + 1] {
        let content = noise(length);
        place.write("x.zst", &content, PutMode::Overwrite).await.unwrap();
        let (etag, read) = place.read("x.zst").await.unwrap();
        assert!(read == content, "{length} bytes became {}", read.len());
        assert_eq!(etag.contains('-'), length >= PART, "{length} bytes with the ETag {etag}");
    }
}

async fn an_existing_object_is_not_replaced_by_a_create(place: Place) {
    for length in [10, PART + 10] {
        let (key, first) = (format!("{length}.zst"), noise(length));
        place.write(&key, &first, PutMode::Create).await.unwrap();
        let error = place.write(&key, &noise(length + 1), PutMode::Create).await.unwrap_err();
        assert!(error.message.starts_with("PreconditionFailed: "), "{error}");
        assert!(place.read(&key).await.unwrap().1 == first, "{length} bytes were replaced");
    }
}

async fn an_object_is_replaced_only_if_it_is_unchanged(place: Place) {
    for length in [10, PART + 10] {
        let key = format!("{length}.zst");
        place.write(&key, &noise(length), PutMode::Overwrite).await.unwrap();
        let (first, _) = place.read(&key).await.unwrap();
        place.write(&key, &noise(length + 1), PutMode::Update(first.clone())).await.unwrap();
        let (second, _) = place.read(&key).await.unwrap();
        assert_ne!(first, second);
        let error = place.write(&key, &noise(length + 2), PutMode::Update(first)).await.unwrap_err();
        assert!(error.message.starts_with("PreconditionFailed: "), "{error}");
        assert_eq!(place.read(&key).await.unwrap().0, second);
    }
}

async fn only_one_of_concurrent_writers_succeeds(place: Place) {
    let contents: Vec<Bytes> = [10, PART + 10, 2 * PART].into_iter().map(noise).collect();
    let writes = contents.iter().map(|content| place.write("x.zst", content, PutMode::Create));
    let outcomes = futures::future::join_all(writes).await;
    let winners: Vec<&Bytes> =
        contents.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(content, _)| content).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert!(place.read("x.zst").await.unwrap().1 == *winners[0], "the object is not that of the successful writer");
}

async fn an_unfinished_object_leaves_neither_object_nor_parts(place: Place) {
    let mut writer = place.cloud.create("x.zst", PutMode::Overwrite).await.unwrap();
    writer.write(noise(PART)).await.unwrap();
    let uploads = || async {
        let listed = place.s3.list_multipart_uploads().bucket(&place.bucket).send().await.unwrap();
        listed.uploads().len()
    };
    assert_eq!(uploads().await, 1);
    drop(writer);
    for _ in 0..100 {
        if uploads().await == 0 {
            assert!(place.read("x.zst").await.is_none());
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the upload was not aborted");
}

async fn keys_are_listed_by_their_prefix(place: Place) {
    for key in ["state/1/a.zst", "state/1/b c+d.zst", "state/12/a.zst", "runs/1/report.json"] {
        place.write(key, &noise(1), PutMode::Overwrite).await.unwrap();
    }
    let mut keys = place.cloud.keys("state/1/").await.unwrap();
    keys.sort();
    assert_eq!(keys, ["state/1/a.zst", "state/1/b c+d.zst"]);
    assert!(place.cloud.keys("state/2/").await.unwrap().is_empty());
    assert!(place.read("state/2/a.zst").await.is_none());
}
