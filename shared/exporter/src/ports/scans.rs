//! Opens uploads for reading.

use std::future::Future;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::PortError;
use crate::model::upload::{Upload, UploadInfo};

/// Opens uploads.
pub trait Scans {
    /// Opens an object for reading. The body is a stream: the implementation never reads it into memory as a whole, and a
    /// broken connection is an error of the stream, not an early end.
    fn open(&self, upload: &Upload) -> impl Future<Output = Result<Scan, OpenError>> + Send;
}

/// An opened scan.
pub struct Scan {
    /// The properties of the object.
    pub info: UploadInfo,
    /// The bytes.
    pub body: BoxStream<'static, std::io::Result<Bytes>>,
}

/// Why an upload could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// The object doesn't exist. A retry can't succeed.
    #[error("{url} does not exist")]
    NotFound {
        /// The URL of the object.
        url: String,
    },
    /// Any other failure, including a denied access: a user fixes it, and the event is retried.
    #[error(transparent)]
    Failed(#[from] PortError),
}
