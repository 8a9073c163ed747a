//! What was uploaded: the object, and the identity by which the same upload is recognised when its event comes twice.

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
}

impl Upload {
    /// The newest version of an object.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), key: key.into(), version: None }
    }

    /// `s3://bucket/key`, as operators write it.
    pub fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

/// What the store said about the object when it was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadInfo {
    /// Where the bytes come from: an `s3://` URL or a file's name.
    pub source: String,
    /// Changes with the content: the `ETag` in S3. Empty where the source has none.
    pub etag: String,
    /// Size in bytes as stored, that is, perhaps compressed.
    pub bytes: u64,
    /// When the object was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Timestamp>,
}

impl UploadInfo {
    /// The identity under which the upload is claimed: the same object with the same content, whatever event brought it.
    pub fn identity(&self) -> String {
        format!("{}#{}", self.source, self.etag)
    }

    /// What stands for the content: the same for copies of one file, as far as the source tells.
    pub fn content(&self) -> &str {
        if self.etag.is_empty() { &self.source } else { &self.etag }
    }
}
