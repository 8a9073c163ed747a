//! The items of the stores that have no type of their own in the product.

use bytes::Bytes;
use jiff::Timestamp;

use crate::ports::{InDoubt, Newest};

/// The lock of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadLock {
    /// The run that has it, or had it last.
    pub run_id: String,
    /// When it expires.
    pub until: Timestamp,
    /// Whether that run completed the upload.
    pub is_completed: bool,
}

/// The lock of an account, and what is known of its scans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLock {
    /// The newest scan.
    pub newest: Newest,
    /// The run that has the account locked, and until when.
    pub holder: Option<(String, Timestamp)>,
    /// What is in doubt.
    pub in_doubt: InDoubt,
}

impl AccountLock {
    /// An account that no run has locked, with nothing in doubt.
    pub fn new(newest: Newest) -> Self {
        Self { newest, holder: None, in_doubt: InDoubt::default() }
    }

    /// The run that has it locked at `now`.
    pub(super) fn held_at(&self, now: Timestamp) -> Option<&str> {
        self.holder.as_ref().filter(|(_, until)| *until > now).map(|(run_id, _)| run_id.as_str())
    }
}

/// An upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUpload {
    /// Changes with the content.
    pub etag: String,
    /// Its bytes.
    pub bytes: Bytes,
}
