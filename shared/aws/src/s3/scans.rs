//! Reads scans from S3 as streams. After a broken connection, the download resumes at its offset if the content is unchanged.

use std::io;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use exporter::model::upload::{Upload, UploadInfo};
use exporter::ports::{OpenError, Scan, Scans};
use futures::stream::{BoxStream, StreamExt};

use crate::Cloud;
use crate::errors::{CallFailure, causes, describe, read_error};
use crate::time::timestamp;

/// Maximum number of consecutive resumes without progress.
const RESUMES_WITHOUT_PROGRESS_MAX: u32 = 5;
/// Maximum number of resumes per object. A reader that is throttled may lose its connection every few minutes, and a function
/// runs for up to 15 minutes.
const RESUMES_MAX: u32 = 64;
/// Delay before the first resume. It doubles as long as there is no progress.
const RESUME_PAUSE: Duration = Duration::from_millis(100);

/// Codes of S3 for a nonexistent object (`MethodNotAllowed` for a deleted version).
const GONE: [&str; 4] = ["NoSuchKey", "NoSuchVersion", "NoSuchBucket", "MethodNotAllowed"];

impl Scans for Cloud {
    async fn open(&self, upload: &Upload) -> Result<Scan, OpenError> {
        let object = Object { s3: self.s3.clone(), upload: upload.clone() };
        let output = object.get(None).await.map_err(|error| open_error(upload, &error))?;
        let bytes = output.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
        let raw_etag = output.e_tag().unwrap_or_default().to_owned();
        let etag = raw_etag.trim_matches('"').to_owned();
        let info = UploadInfo {
            source: upload.url(),
            requester: upload.requester_of(&etag),
            etag,
            bytes,
            modified_at: output.last_modified().and_then(timestamp),
        };
        let reader =
            Reader { object, raw_etag, bytes, offset: 0, body: output.body, resumes_without_progress: 0, resumes: 0 };
        Ok(Scan { info, body: reader.into_stream() })
    }
}

fn open_error(upload: &Upload, error: &CallFailure<GetObjectError>) -> OpenError {
    let url = upload.url();
    match error.code() {
        Some(code) if GONE.contains(&code) => OpenError::NotFound { url },
        _ => OpenError::Failed(read_error(format!("open {url}"), &upload.bucket, error)),
    }
}

/// An object of S3.
struct Object {
    s3: aws_sdk_s3::Client,
    upload: Upload,
}

impl Object {
    /// Gets the object, or the rest of it from an offset if its `ETag` is unchanged.
    async fn get(&self, rest: Option<(u64, &str)>) -> Result<GetObjectOutput, CallFailure<GetObjectError>> {
        let request = self.s3.get_object().bucket(&self.upload.bucket).key(&self.upload.key);
        let request = request.set_version_id(self.upload.version.clone());
        let request = match rest {
            Some((offset, raw_etag)) => request.range(format!("bytes={offset}-")).if_match(raw_etag),
            None => request,
        };
        request.send().await
    }
}

/// An object being read.
struct Reader {
    object: Object,
    /// The `ETag` with quotation marks, as S3 returned it.
    raw_etag: String,
    bytes: u64,
    offset: u64,
    body: ByteStream,
    /// Resumes since the last received byte.
    resumes_without_progress: u32,
    /// Resumes in total.
    resumes: u32,
}

impl Reader {
    fn into_stream(self) -> BoxStream<'static, io::Result<Bytes>> {
        futures::stream::try_unfold(
            self,
            |mut reader| async move { Ok(reader.next().await?.map(|chunk| (chunk, reader))) },
        )
        .boxed()
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let broken = match self.body.next().await {
                Some(Ok(chunk)) => {
                    self.offset += chunk.len() as u64;
                    self.resumes_without_progress = 0;
                    return Ok(Some(chunk));
                }
                None if self.offset >= self.bytes => return Ok(None),
                None => io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended early"),
                // All bytes were received, but the checksum differs. A resume can't fix that.
                Some(Err(error)) if self.offset >= self.bytes => return Err(io::Error::other(causes(&error))),
                Some(Err(error)) => io::Error::other(causes(&error)),
            };
            self.resume(broken).await?;
        }
    }

    /// Opens the rest of the object, or returns the error of the broken connection.
    async fn resume(&mut self, broken: io::Error) -> io::Result<()> {
        if self.resumes_without_progress >= RESUMES_WITHOUT_PROGRESS_MAX || self.resumes >= RESUMES_MAX {
            return Err(broken);
        }
        tokio::time::sleep(RESUME_PAUSE * (1 << self.resumes_without_progress)).await;
        self.resumes_without_progress += 1;
        self.resumes += 1;
        let url = self.object.upload.url();
        tracing::debug!(upload.key = self.object.upload.key, upload.offset = self.offset, error = %broken, "resuming a download");
        match self.object.get(Some((self.offset, &self.raw_etag))).await {
            Ok(output) => {
                self.body = output.body;
                Ok(())
            }
            Err(error) => {
                Err(io::Error::other(format!("resume reading {url} at byte {}: {}", self.offset, describe(&error))))
            }
        }
    }
}
