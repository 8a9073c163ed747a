//! Writes objects into the state bucket in constant memory: in one piece where they are small, in parts where not.

use std::collections::VecDeque;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use exporter::ports::{Object, ObjectWriter, Objects, PortError, PutMode};
use futures::StreamExt;

use crate::Cloud;
use crate::errors::{causes, port_error, read_error};

/// Bytes of a part: the least that S3 allows but for the last one. With S3's 10,000 parts an object may have 52 GB.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// The checksum of objects and their parts, which S3 verifies. It is named in each call: the SDK adds it to a part by default,
/// but not to `CreateMultipartUpload`, and S3 then rejects the parts' checksums at the end (HTTP 400 `InvalidPart`).
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

/// An object being written. Dropped before it is finished, it never existed.
#[derive(Debug)]
pub struct Writer {
    target: Target,
    pending: Pending,
    parts: Option<Parts>,
}

/// Bytes that wait to be sent, in the pieces in which they came: one buffer for all would grow to twice its content, and each
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

    /// The first bytes, so many or all that there are.
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

/// An upload in parts that is not complete. Dropped, it is aborted as well as may be; the bucket's lifecycle clears away
/// what is left even so.
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
    /// The upload in parts, begun with the first of them.
    async fn parts(&mut self) -> Result<&mut Parts, PortError> {
        let parts = match self.parts.take() {
            Some(parts) => parts,
            None => Parts::begin(self.target.clone()).await?,
        };
        Ok(self.parts.insert(parts))
    }
}

impl Target {
    /// The `ETag` that the object must still have, and whether there must be none (`If-Match`, `If-None-Match`).
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
        let answer = request.body(ByteStream::from(body)).send().await;
        answer.map(drop).map_err(|error| port_error(self.action(), &error))
    }
}

impl Parts {
    async fn begin(target: Target) -> Result<Self, PortError> {
        let request = target.s3.create_multipart_upload().bucket(&target.bucket).key(&target.key);
        let request = request.content_type(target.content_type()).checksum_algorithm(CHECKSUM);
        let answer = request.send().await;
        let answer = answer.map_err(|error| port_error(target.action(), &error))?;
        let upload_id = answer.upload_id.unwrap_or_default();
        Ok(Self { target, upload_id, done: Vec::new(), complete: false })
    }

    async fn put(&mut self, body: Bytes) -> Result<(), PortError> {
        let number = i32::try_from(self.done.len() + 1).unwrap_or(i32::MAX);
        let Target { s3, bucket, key, .. } = &self.target;
        let request = s3.upload_part().bucket(bucket).key(key).upload_id(&self.upload_id).part_number(number);
        let answer = request.checksum_algorithm(CHECKSUM).body(ByteStream::from(body)).send().await;
        let answer = answer.map_err(|error| port_error(self.target.action(), &error))?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(answer.e_tag)
            .set_checksum_crc32(answer.checksum_crc32)
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
        let answer = request.multipart_upload(parts).send().await;
        answer.map_err(|error| port_error(self.target.action(), &error))?;
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
                let error = port_error("abort an upload in parts", &error);
                tracing::warn!(%error, "parts are left behind until the bucket's lifecycle clears them away");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_within_pieces() {
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
