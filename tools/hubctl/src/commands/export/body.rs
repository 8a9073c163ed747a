//! Scans as streams: of a local file, and one that fails on Ctrl-C.

use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use bytes::Bytes;
use exporter::model::upload::UploadInfo;
use exporter::ports::Scan;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use jiff::Timestamp;
use tokio::io::AsyncReadExt;

use crate::scan::source::open_file;

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;
/// Exit code of a process that was interrupted with Ctrl-C (128 + SIGINT), as shells expect.
const INTERRUPTED: i32 = 130;

/// A local file. It is identified by its path, and its content by size and time: hashing 700 MB first would cost more than
/// `--skip-exported` saves.
pub(super) async fn of_file(path: &Path) -> Result<Scan> {
    let file = open_file(path)?;
    let data = file.metadata().with_context(|| format!("failed to read the metadata of {}", path.display()))?;
    let modified = data.modified().ok();
    let nanoseconds = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default().as_nanos();
    let full_path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let info = UploadInfo {
        source: full_path.display().to_string(),
        etag: format!("{}-{nanoseconds}", data.len()),
        bytes: data.len(),
        modified_at: modified.and_then(|time| Timestamp::try_from(time).ok()),
        requester: None,
    };
    let body = stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut chunk = Vec::with_capacity(READ_BYTES);
        let length = file.read_buf(&mut chunk).await?;
        Ok((length > 0).then(|| (Bytes::from(chunk), file)))
    });
    Ok(Scan { info, body: body.boxed() })
}

/// The stream, which fails on Ctrl-C. A second Ctrl-C ends the process immediately.
pub(super) fn until_interrupted(body: BoxStream<'static, io::Result<Bytes>>) -> BoxStream<'static, io::Result<Bytes>> {
    let interrupt = Box::pin(tokio::signal::ctrl_c());
    stream::unfold((body, Some(interrupt)), |(mut body, interrupt)| async move {
        let mut interrupt = interrupt?;
        tokio::select! {
            biased;
            _ = &mut interrupt => {
                tokio::spawn(async {
                    // If signal handling is not available, the first Ctrl-C was not received either.
                    if tokio::signal::ctrl_c().await.is_ok() {
                        std::process::exit(INTERRUPTED);
                    }
                });
                Some((Err(io::Error::other("interrupted; findings in flight are still sent")), (body, None)))
            }
            chunk = body.next() => chunk.map(|chunk| (chunk, (body, Some(interrupt)))),
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_streamed_completely_and_identified_by_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("scan.json");
        let content = vec![b'x'; READ_BYTES * 2 + 7];
        std::fs::write(&path, &content).unwrap();
        let scan = of_file(&path).await.unwrap();
        assert_eq!(scan.info.bytes, content.len() as u64);
        let etag = scan.info.etag.clone();
        let chunks: Vec<_> = until_interrupted(scan.body).map(Result::unwrap).collect().await;
        assert_eq!(chunks.concat(), content);
        std::fs::write(&path, b"another").unwrap();
        assert_ne!(of_file(&path).await.unwrap().info.etag, etag);
    }
}
