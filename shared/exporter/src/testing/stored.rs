//! The items of the stores that have no type in the product.

use bytes::Bytes;
use jiff::Timestamp;

use crate::ports::{InDoubt, Newest};

/// The lock of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadLock {
    /// The run that has the lock, or had it last.
    pub run_id: String,
    /// When the lock expires.
    pub until: Timestamp,
    /// Whether that run completed the upload.
    pub is_completed: bool,
}

/// The lock of an account, and its newest scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLock {
    /// The newest scan.
    pub newest: Newest,
    /// The run that has the account locked, and until when.
    pub holder: Option<(String, Timestamp)>,
    /// The Regions in doubt.
    pub in_doubt: InDoubt,
}

impl AccountLock {
    /// An account that is not locked, with nothing in doubt.
    pub fn new(newest: Newest) -> Self {
        Self { newest, holder: None, in_doubt: InDoubt::default() }
    }

    /// The run that has the account locked at `now`.
    pub(super) fn held_at(&self, now: Timestamp) -> Option<&str> {
        self.holder.as_ref().filter(|(_, until)| *until > now).map(|(run_id, _)| run_id.as_str())
    }
}

/// An upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUpload {
    /// The `ETag`, which changes with the content.
    pub etag: String,
    /// The bytes.
    pub bytes: Bytes,
}
