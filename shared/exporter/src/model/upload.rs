//! An uploaded object, and the identity by which a repeated event for the same upload is recognized.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An object that may be a scan, as identified by an event or an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: String,
    /// The version. `None` if the event has none; then the newest version is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The uploader: an account ID or the name of a service. `None` if the event doesn't name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// The `ETag` of the upload. `None` if the event doesn't have it. The object may have been replaced since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

impl Upload {
    /// The newest version of an object.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), key: key.into(), version: None, requester: None, etag: None }
    }

    /// The uploader of the opened object, which has this `ETag`. `None` if it may be another object than the event's.
    pub fn requester_of(&self, etag: &str) -> Option<String> {
        let is_same = match &self.etag {
            Some(uploaded) => uploaded == etag,
            // In a bucket with suspended versioning, the version `null` is replaced by each upload.
            None => self.version.as_ref().is_some_and(|version| version != "null"),
        };
        self.requester.clone().filter(|_| is_same)
    }

    /// The URL `s3://bucket/key`.
    pub fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

/// The object's properties when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadInfo {
    /// Source of the bytes: an `s3://` URL or a file name.
    pub source: String,
    /// Changes with the content: the `ETag` in S3. Empty if the source has none.
    pub etag: String,
    /// Size in bytes as stored, possibly compressed.
    pub bytes: u64,
    /// When the object was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub modified_at: Option<Timestamp>,
    /// The uploader, if it is known: an account ID or the name of a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
}

impl UploadInfo {
    /// The identity with which the upload is claimed. It is the same for the same object with the same content, regardless
    /// of the event.
    pub fn identity(&self) -> String {
        format!("{}#{}", self.source, self.etag)
    }

    /// The key. `None` if the source is not an object in S3.
    pub fn key(&self) -> Option<&str> {
        self.source.strip_prefix("s3://")?.split_once('/').map(|(_, key)| key)
    }

    /// An identifier of the content: copies of one file have the same if the source has ETags.
    pub fn content(&self) -> &str {
        if self.etag.is_empty() { &self.source } else { &self.etag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requester_applies_only_to_the_object_of_the_event() {
        let upload = |version: Option<&str>, etag: Option<&str>| Upload {
            version: version.map(str::to_owned),
            etag: etag.map(str::to_owned),
            requester: Some("123456789012".to_owned()),
            ..Upload::new("scans", "a")
        };
        let known = |version, etag| upload(version, etag).requester_of("e").is_some();
        assert!(known(None, Some("e")) && known(Some("v"), Some("e")) && known(Some("v"), None));
        assert!(
            !known(None, None) && !known(None, Some("f")) && !known(Some("v"), Some("f")) && !known(Some("null"), None)
        );
        assert!(known(Some("null"), Some("e")));
    }
}
