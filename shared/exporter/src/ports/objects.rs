//! The state bucket.

use std::future::Future;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::PortError;

/// Reads and writes objects in the state bucket.
pub trait Objects {
    /// The type of an object that is being written.
    type Writer: ObjectWriter + Send + Sync;

    /// Starts an object. It becomes visible only with [`ObjectWriter::finish`], which fails if the condition is not met
    /// then.
    fn create(&self, key: &str, only: PutMode) -> impl Future<Output = Result<Self::Writer, PortError>> + Send;

    /// Opens an object. `None` if it doesn't exist.
    fn object(&self, key: &str) -> impl Future<Output = Result<Option<Object>, PortError>> + Send;

    /// All keys that begin with `prefix`.
    fn keys(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, PortError>> + Send;
}

/// The condition for writing an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutMode {
    /// No condition.
    Overwrite,
    /// The object must not exist.
    Create,
    /// The object must still have this `ETag`.
    Update(String),
}

/// An object of the state bucket.
pub struct Object {
    /// The `ETag`, which changes with the content.
    pub etag: String,
    /// The bytes.
    pub body: BoxStream<'static, std::io::Result<Bytes>>,
}

/// An object that is being written, in constant memory.
pub trait ObjectWriter {
    /// Appends bytes.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Makes the object visible.
    fn finish(self) -> impl Future<Output = Result<(), PortError>> + Send;
}
