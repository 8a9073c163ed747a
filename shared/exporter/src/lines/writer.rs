//! An object of JSON lines that a run's tasks write together: one line per value, in constant memory. The object is created
//! with the first line.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::ports::{ObjectWriter, Objects, PortError, PutMode};

/// Maximum number of lines that wait for the writer. Each may contain a finding of 240 KB.
const QUEUE_MAX: usize = 16;
/// Number of bytes that are buffered before they are written to the store.
const WRITE_BYTES: usize = 256 * 1024;

type Line<T> = (T, oneshot::Sender<Result<(), PortError>>);

/// A handle with which tasks write lines. Cheap to clone.
#[derive(Debug)]
pub struct JsonLines<T> {
    lines: mpsc::Sender<Line<T>>,
}

impl<T> Clone for JsonLines<T> {
    fn clone(&self) -> Self {
        Self { lines: self.lines.clone() }
    }
}

/// The task that writes the object.
pub(crate) struct WriterTask {
    task: JoinHandle<Result<Option<String>, PortError>>,
}

impl<T: Serialize + Send + Sync + 'static> JsonLines<T> {
    /// Creates the handle and the writer task of the object with this key.
    pub(crate) fn open<P: Objects + Send + Sync + 'static>(ports: Arc<P>, key: String) -> (Self, WriterTask) {
        let (lines, receiver) = mpsc::channel(QUEUE_MAX);
        let task = tokio::spawn(write_lines(ports, key, receiver));
        (Self { lines }, WriterTask { task })
    }

    /// Writes a line.
    ///
    /// # Errors
    ///
    /// If the store fails to write the line: then the value is not saved, and the run must fail.
    pub async fn put(&self, value: T) -> Result<(), PortError> {
        let gone =
            || PortError { action: "write a list of the run".to_owned(), message: "the writer ended early".to_owned() };
        let (reply, answer) = oneshot::channel();
        self.lines.send((value, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl WriterTask {
    /// Completes the object after every [`JsonLines`] is dropped. Returns its key, or `None` if no line was written.
    pub(crate) async fn finish(self) -> Result<Option<String>, PortError> {
        self.task
            .await
            .map_err(|error| PortError { action: "write a list of the run".to_owned(), message: error.to_string() })?
    }
}

async fn write_lines<P: Objects, T: Serialize>(
    ports: Arc<P>,
    key: String,
    mut lines: mpsc::Receiver<Line<T>>,
) -> Result<Option<String>, PortError> {
    let mut writer: Option<P::Writer> = None;
    let mut pending = BytesMut::new();
    while let Some((value, reply)) = lines.recv().await {
        let outcome = async {
            let line = serde_json::to_vec(&value)
                .map_err(|error| PortError { action: format!("write a line of {key}"), message: error.to_string() })?;
            pending.put_slice(&line);
            pending.put_u8(b'\n');
            if writer.is_none() {
                writer = Some(ports.create(&key, PutMode::Overwrite).await?);
            }
            match &mut writer {
                Some(writer) if pending.len() >= WRITE_BYTES => writer.write(pending.split().freeze()).await,
                _ => Ok(()),
            }
        };
        // If the caller is no longer waiting, its run has failed already.
        let _ = reply.send(outcome.await);
    }
    let Some(mut writer) = writer else { return Ok(None) };
    if !pending.is_empty() {
        writer.write(Bytes::from(pending)).await?;
    }
    writer.finish().await?;
    Ok(Some(key))
}
