//! Scans: the newest version, the version of an event, and missing objects.

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use bytes::Bytes;
use exporter::model::upload::Upload;
use exporter::ports::{OpenError, Scans as _};
use futures::TryStreamExt as _;

use super::{Place, noise, on_each_emulator};

const KEY: &str = "output/a b+c.ocsf.json";

on_each_emulator![a_scan_is_read_in_the_requested_version, a_scan_that_does_not_exist_is_not_found];

impl Place {
    async fn put_scan(&self, content: &Bytes) -> Option<String> {
        let request = self.s3.put_object().bucket(&self.bucket).key(KEY).body(content.clone().into());
        request.send().await.unwrap().version_id
    }

    async fn open(&self, key: &str, version: Option<String>) -> Result<Bytes, OpenError> {
        let upload = Upload { version, ..Upload::new(&self.bucket, key) };
        let scan = self.cloud.open(&upload).await?;
        assert_eq!((scan.info.source, scan.info.etag.len()), (upload.url(), 32));
        let content = scan.body.try_collect::<Vec<Bytes>>().await.unwrap().concat();
        assert_eq!(scan.info.bytes, content.len() as u64);
        Ok(content.into())
    }

    async fn keep_versions(&self) {
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        self.s3.put_bucket_versioning().bucket(&self.bucket).versioning_configuration(on).send().await.unwrap();
    }
}

async fn a_scan_is_read_in_the_requested_version(place: Place) {
    let (first, second) = (noise(100_000), noise(200_000));
    place.keep_versions().await;
    let version = place.put_scan(&first).await;
    assert!(version.is_some());
    place.put_scan(&second).await;
    assert!(place.open(KEY, None).await.unwrap() == second);
    assert!(place.open(KEY, version).await.unwrap() == first);
}

async fn a_scan_that_does_not_exist_is_not_found(place: Place) {
    let missing = |outcome: Result<Bytes, OpenError>| matches!(outcome, Err(OpenError::NotFound { .. }));
    assert!(missing(place.open(KEY, None).await));
    place.keep_versions().await;
    let version = place.put_scan(&noise(10)).await;
    place.s3.delete_object().bucket(&place.bucket).key(KEY).send().await.unwrap();
    assert!(missing(place.open(KEY, None).await), "the newest version is a delete marker");
    place.s3.delete_object().bucket(&place.bucket).key(KEY).set_version_id(version.clone()).send().await.unwrap();
    assert!(missing(place.open(KEY, version).await), "the version was deleted");
    let elsewhere = Upload::new(format!("{}-not", place.bucket), KEY);
    assert!(matches!(place.cloud.open(&elsewhere).await.map(drop), Err(OpenError::NotFound { .. })));
}
