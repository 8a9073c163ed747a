//! Writes objects to the state bucket in constant memory: small objects in one request, others as multipart uploads.

use std::collections::VecDeque;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use exporter::ports::{Object, ObjectWriter, Objects, PortError, PutMode};
use futures::StreamExt;

use crate::Cloud;
use crate::errors::{causes, port_error, read_error};

/// Size of a part in bytes: the minimum of S3, except for the last part. With 10,000 parts, an object may have 52 GB.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// Checksum of objects and parts, which S3 verifies. Each call specifies it: by default, the SDK adds the checksum to a part, but
/// not to `CreateMultipartUpload`, and S3 then rejects the checksums of the parts in `CompleteMultipartUpload` (HTTP 400
/// `InvalidPart`).
const CHECKSUM: ChecksumAlgorithm = ChecksumAlgorithm::Crc32;

impl Objects for Cloud {
    type Writer = Writer;

    async fn create(&self, key: &str, only: PutMode) -> Result<Writer, PortError> {
        let (s3, bucket, key) = (self.s3.clone(), self.names.state_bucket.clone(), key.to_owned());
        Ok(Writer { target: Target { s3, bucket, key, only }, pending: Pending::default(), parts: None })
    }

    async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        let action = || format!("read s3://{}/{key}", self.names.state_bucket);
        match self.s3.get_object().bucket(&self.names.state_bucket).key(key).send().await {
            Ok(object) => {
                let etag = object.e_tag.unwrap_or_default();
                let body = futures::stream::unfold(object.body, |mut body| async move {
                    let chunk = body.next().await?;
                    Some((chunk.map_err(|error| std::io::Error::other(causes(&error))), body))
                });
                Ok(Some(Object { etag, body: body.boxed() }))
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => Ok(None),
            Err(error) => Err(read_error(action(), &self.names.state_bucket, &error)),
        }
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        let bucket = &self.names.state_bucket;
        let mut pages = self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(format!("list s3://{bucket}/{prefix}"), &error))?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        Ok(keys)
    }
}

/// An object that is being written. If dropped before it is finished, nothing is stored.
#[derive(Debug)]
pub struct Writer {
    target: Target,
    pending: Pending,
    parts: Option<Parts>,
}

/// Bytes to send, in the pieces in which they were received. One contiguous buffer would grow to twice its content, and each
/// Region has one.
#[derive(Debug, Default)]
struct Pending {
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl Pending {
    fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push_back(piece);
    }

    /// Removes and returns up to `bytes` bytes.
    fn take(&mut self, bytes: usize) -> Bytes {
        let mut taken = BytesMut::with_capacity(bytes.min(self.bytes));
        while let Some(mut piece) = self.pieces.pop_front() {
            let rest = piece.split_off(piece.len().min(bytes - taken.len()));
            taken.extend_from_slice(&piece);
            if !rest.is_empty() {
                self.pieces.push_front(rest);
                break;
            }
        }
        self.bytes -= taken.len();
        taken.freeze()
    }
}

#[derive(Clone, Debug)]
struct Target {
    s3: aws_sdk_s3::Client,
    bucket: String,
    key: String,
    only: PutMode,
}

/// An incomplete multipart upload. If dropped, it is aborted on a best-effort basis; the bucket's lifecycle rule removes
/// remaining parts.
#[derive(Debug)]
struct Parts {
    target: Target,
    upload_id: String,
    done: Vec<CompletedPart>,
    complete: bool,
}

impl ObjectWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.pending.push(bytes);
        while self.pending.bytes >= PART_BYTES {
            let part = self.pending.take(PART_BYTES);
            self.parts().await?.put(part).await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), PortError> {
        let rest = self.pending.take(usize::MAX);
        let Some(mut parts) = self.parts.take() else { return self.target.put(rest).await };
        if !rest.is_empty() {
            parts.put(rest).await?;
        }
        parts.complete().await
    }
}

impl Writer {
    /// The multipart upload, created with the first part.
    async fn parts(&mut self) -> Result<&mut Parts, PortError> {
        let parts = match self.parts.take() {
            Some(parts) => parts,
            None => Parts::begin(self.target.clone()).await?,
        };
        Ok(self.parts.insert(parts))
    }
}

impl Target {
    /// Values of `If-Match` and `If-None-Match`.
    fn conditions(&self) -> (Option<String>, Option<String>) {
        match &self.only {
            PutMode::Overwrite => (None, None),
            PutMode::Update(etag) => (Some(etag.clone()), None),
            PutMode::Create => (None, Some("*".to_owned())),
        }
    }

    fn action(&self) -> String {
        format!("write s3://{}/{}", self.bucket, self.key)
    }

    fn content_type(&self) -> &'static str {
        match self.key.rsplit('.').next() {
            Some("json") => "application/json",
            Some("jsonl") => "application/x-ndjson",
            _ => "application/octet-stream",
        }
    }

    async fn put(&self, body: Bytes) -> Result<(), PortError> {
        let request = self.s3.put_object().bucket(&self.bucket).key(&self.key).content_type(self.content_type());
        let (unchanged, absent) = self.conditions();
        let request = request.set_if_match(unchanged).set_if_none_match(absent).checksum_algorithm(CHECKSUM);
        let response = request.body(ByteStream::from(body)).send().await;
        response.map(drop).map_err(|error| port_error(self.action(), &error))
    }
}

impl Parts {
    async fn begin(target: Target) -> Result<Self, PortError> {
        let request = target.s3.create_multipart_upload().bucket(&target.bucket).key(&target.key);
        let request = request.content_type(target.content_type()).checksum_algorithm(CHECKSUM);
        let response = request.send().await;
        let response = response.map_err(|error| port_error(target.action(), &error))?;
        let upload_id = response.upload_id.unwrap_or_default();
        Ok(Self { target, upload_id, done: Vec::new(), complete: false })
    }

    async fn put(&mut self, body: Bytes) -> Result<(), PortError> {
        let number = i32::try_from(self.done.len() + 1).unwrap_or(i32::MAX);
        let Target { s3, bucket, key, .. } = &self.target;
        let request = s3.upload_part().bucket(bucket).key(key).upload_id(&self.upload_id).part_number(number);
        let response = request.checksum_algorithm(CHECKSUM).body(ByteStream::from(body)).send().await;
        let response = response.map_err(|error| port_error(self.target.action(), &error))?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(response.e_tag)
            .set_checksum_crc32(response.checksum_crc32)
            .build();
        self.done.push(part);
        Ok(())
    }

    async fn complete(mut self) -> Result<(), PortError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(std::mem::take(&mut self.done))).build();
        let (unchanged, absent) = self.target.conditions();
        let Target { s3, bucket, key, .. } = &self.target;
        let request = s3.complete_multipart_upload().bucket(bucket).key(key).upload_id(&self.upload_id);
        let request = request.set_if_match(unchanged).set_if_none_match(absent);
        let response = request.multipart_upload(parts).send().await;
        response.map_err(|error| port_error(self.target.action(), &error))?;
        self.complete = true;
        Ok(())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.complete {
            return;
        }
        let Target { s3, bucket, key, .. } = self.target.clone();
        let request =
            s3.abort_multipart_upload().bucket(bucket).key(key).upload_id(std::mem::take(&mut self.upload_id));
        runtime.spawn(async move {
            if let Err(error) = request.send().await {
                let error = port_error("abort a multipart upload", &error);
                tracing::warn!(%error, "parts remain until the bucket's lifecycle rule removes them");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_can_end_within_a_piece() {
        let mut pending = Pending::default();
        for piece in ["abc", "", "defg", "h", "ij"] {
            pending.push(Bytes::from_static(piece.as_bytes()));
        }
        let mut parts = Vec::new();
        while pending.bytes >= 4 {
            parts.push(pending.take(4));
        }
        parts.push(pending.take(usize::MAX));
        assert_eq!(parts, ["abcd", "efgh", "ij"]);
        assert_eq!((pending.bytes, pending.take(usize::MAX)), (0, Bytes::new()));
    }
}
