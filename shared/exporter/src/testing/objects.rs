//! The state bucket, and the bucket of uploads. As in S3, an object becomes visible as a whole and immediately, if its
//! condition is met, with a new `ETag`.

use bytes::Bytes;
use futures::StreamExt as _;

use super::faults::{Operation, failure};
use super::memory::InMemory;
use super::stored::StoredUpload;
use crate::model::upload::{Upload, UploadInfo};
use crate::ports::{Object, ObjectWriter, Objects, OpenError, PortError, PutMode, Scan, Scans};

/// Size of the chunks of an object, and of an upload, chosen so that chunks end within the items that are read.
const CHUNK_BYTES: usize = 10_000;
const UPLOAD_CHUNK_BYTES: usize = 60_000;

/// An object that is being written.
pub struct InMemoryWriter<H> {
    memory: InMemory<H>,
    key: String,
    mode: PutMode,
    bytes: Vec<u8>,
}

fn chunks(bytes: &Bytes, size: usize) -> Vec<std::io::Result<Bytes>> {
    let starts = (0..bytes.len()).step_by(size);
    starts.map(|start| Ok(bytes.slice(start..bytes.len().min(start + size)))).collect()
}

impl<H: Clone + Send + Sync> Objects for InMemory<H> {
    type Writer = InMemoryWriter<H>;

    async fn create(&self, key: &str, mode: PutMode) -> Result<InMemoryWriter<H>, PortError> {
        let writer = InMemoryWriter { memory: self.clone(), key: key.to_owned(), mode, bytes: Vec::new() };
        self.call(Operation::CreateObject, key, |_| Ok(writer)).await
    }

    async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        self.call(Operation::ReadObject, key, |contents| {
            let found = contents.objects.get(key);
            Ok(found.map(|(etag, bytes)| {
                let body = futures::stream::iter(chunks(bytes, CHUNK_BYTES)).boxed();
                Object { etag: etag.to_string(), body }
            }))
        })
        .await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        self.call(Operation::ListObjects, prefix, |contents| {
            let range = contents.objects.range(prefix.to_owned()..).map(|(key, _)| key);
            Ok(range.take_while(|key| key.starts_with(prefix)).cloned().collect())
        })
        .await
    }
}

impl<H: Send + Sync> ObjectWriter for InMemoryWriter<H> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        let Self { memory, key, bytes: written, .. } = self;
        memory
            .call(Operation::WriteObject, key, |_| {
                written.extend_from_slice(&bytes);
                Ok(())
            })
            .await
    }

    async fn finish(self) -> Result<(), PortError> {
        let Self { memory, key, mode, bytes } = self;
        memory
            .call(Operation::PutObject, &key, |contents| {
                let current = contents.objects.get(&key).map(|(etag, _)| etag.to_string());
                let holds = match &mode {
                    PutMode::Overwrite => true,
                    PutMode::Create => current.is_none(),
                    PutMode::Update(etag) => current.as_ref() == Some(etag),
                };
                if !holds {
                    return Err(failure(Operation::PutObject, &key, "changed by another run".to_owned()));
                }
                contents.put_object(key.clone(), bytes);
                Ok(())
            })
            .await
    }
}

impl<H: Sync> Scans for InMemory<H> {
    async fn open(&self, upload: &Upload) -> Result<Scan, OpenError> {
        self.contents().opened.push(upload.key.clone());
        self.call(Operation::OpenUpload, &upload.key, |contents| {
            let stored = contents.uploads.get(&upload.key);
            let StoredUpload { etag, bytes } = stored.ok_or_else(|| OpenError::NotFound { url: upload.url() })?;
            let info = UploadInfo {
                source: upload.url(),
                etag: etag.clone(),
                bytes: bytes.len() as u64,
                modified_at: None,
                requester: upload.requester_of(etag),
            };
            Ok(Scan { info, body: futures::stream::iter(chunks(bytes, UPLOAD_CHUNK_BYTES)).boxed() })
        })
        .await
    }
}
