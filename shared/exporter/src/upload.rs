//! What was uploaded: the object, and the identity by which the same upload is recognized when its event comes twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An object that may hold a scan, as an event or an operator names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: String,
    /// The version, where the event names one. Without it the newest is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who uploaded it, where the event says so: an account's ID, or the name of a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// The `ETag` of what was uploaded, where the event names it. The object may have been replaced since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

impl Upload {
    /// The newest version of an object.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), key: key.into(), version: None, requester: None, etag: None }
    }

    /// Who uploaded the object that was opened, which has this `ETag`. None, where it may be another object than the event's.
    pub fn requester_of(&self, etag: &str) -> Option<String> {
        let is_same = match &self.etag {
            Some(uploaded) => uploaded == etag,
            // A bucket whose versioning is suspended replaces the version of this name.
            None => self.version.as_ref().is_some_and(|version| version != "null"),
        };
        self.requester.clone().filter(|_| is_same)
    }

    /// `s3://bucket/key`, as operators write it.
    pub fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

/// What the store said about the object when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadInfo {
    /// Where the bytes come from: an `s3://` URL or a file's name.
    pub source: String,
    /// Changes with the content: the `ETag` in S3. Empty where the source has none.
    pub etag: String,
    /// Size in bytes as stored, that is, perhaps compressed.
    pub bytes: u64,
    /// When the object was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub modified_at: Option<Timestamp>,
    /// Who uploaded it, where that is known: an account's ID, or the name of a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
}

impl UploadInfo {
    /// The identity under which the upload is claimed: the same object with the same content, whatever event brought it.
    pub fn identity(&self) -> String {
        format!("{}#{}", self.source, self.etag)
    }

    /// The key, if it is an object in S3.
    pub fn key(&self) -> Option<&str> {
        self.source.strip_prefix("s3://")?.split_once('/').map(|(_, key)| key)
    }

    /// What stands for the content: the same for copies of one file, as far as the source tells.
    pub fn content(&self) -> &str {
        if self.etag.is_empty() { &self.source } else { &self.etag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requester_is_of_the_object_of_the_event() {
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
