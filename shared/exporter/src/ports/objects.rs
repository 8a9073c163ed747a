//! The state bucket.

use std::future::Future;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::PortError;

/// Reads and writes objects in the state bucket.
pub trait Objects {
    /// An object being written.
    type Writer: ObjectWriter + Send + Sync;

    /// Starts an object. Nothing is visible under the key before [`ObjectWriter::finish`], which fails if the condition
    /// does not hold then.
    fn create(&self, key: &str, only: PutMode) -> impl Future<Output = Result<Self::Writer, PortError>> + Send;

    /// Opens an object, if there is one.
    fn object(&self, key: &str) -> impl Future<Output = Result<Option<Object>, PortError>> + Send;

    /// The keys that begin with `prefix`, all of them.
    fn keys(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, PortError>> + Send;
}

/// The condition under which an object is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutMode {
    /// None.
    Overwrite,
    /// There is no object under the key.
    Create,
    /// The object under the key still has this `ETag`.
    Update(String),
}

/// An object of the state bucket.
pub struct Object {
    /// Changes with the content.
    pub etag: String,
    /// Its bytes.
    pub body: BoxStream<'static, std::io::Result<Bytes>>,
}

/// An object being written, in constant memory.
pub trait ObjectWriter {
    /// Appends bytes.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Makes the object visible.
    fn finish(self) -> impl Future<Output = Result<(), PortError>> + Send;
}
