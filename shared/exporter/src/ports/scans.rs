//! Uploads, as they are read.

use std::future::Future;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::PortError;
use crate::upload::{Upload, UploadInfo};

/// Opens uploads.
pub trait Scans {
    /// Opens an object for reading. The body is a stream: the implementer never holds it whole, and a broken
    /// connection is an error of the stream, not an early end.
    fn open(&self, upload: &Upload) -> impl Future<Output = Result<Scan, OpenError>> + Send;
}

/// An opened scan.
pub struct Scan {
    /// What the store said about it.
    pub info: UploadInfo,
    /// Its bytes.
    pub body: BoxStream<'static, std::io::Result<Bytes>>,
}

/// Why an upload could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// The object is gone. Trying again cannot help.
    #[error("{url} does not exist")]
    NotFound {
        /// The object.
        url: String,
    },
    /// Anything else, access denied included: a user fixes it, and the event is tried again.
    #[error(transparent)]
    Failed(#[from] PortError),
}
