//! A run's quarantine, read as a stream of lines, an entry each, so that its size does not matter.

use bytes::{Buf, Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::ports::{Objects, PortError};
use crate::quarantine::Entry;
use crate::report::RunReport;

/// Bytes of a line at most: an element of 4 MB with every character escaped, and room for the reason.
const LINE_BYTES_MAX: usize = 32 << 20;

/// The lines of a quarantine object.
pub struct Lines {
    key: String,
    pub(super) etag: String,
    body: BoxStream<'static, std::io::Result<Bytes>>,
    pending: BytesMut,
    /// Bytes of `pending` that hold no end of a line.
    looked: usize,
}

impl Lines {
    /// Opens what a run left in quarantine, if it left anything.
    ///
    /// # Errors
    ///
    /// When the state bucket does not answer.
    pub async fn open(ports: &impl Objects, run_id: &str) -> Result<Option<Self>, PortError> {
        let key = RunReport::quarantine_key(run_id);
        let object = ports.object(&key).await?;
        Ok(object.map(|object| Self { key, etag: object.etag, body: object.body, pending: BytesMut::new(), looked: 0 }))
    }

    /// The next entry and its line, or none after the last one.
    ///
    /// # Errors
    ///
    /// When it can't be read on, or a line is no entry.
    pub async fn next(&mut self) -> Result<Option<(Entry, Bytes)>, PortError> {
        loop {
            if let Some(end) = self.pending[self.looked..].iter().position(|byte| *byte == b'\n') {
                let line = self.pending.split_to(self.looked + end).freeze();
                self.pending.advance(1);
                self.looked = 0;
                let entry = serde_json::from_slice(&line).map_err(|error| self.failed(&error))?;
                return Ok(Some((entry, line)));
            }
            self.looked = self.pending.len();
            match self.body.next().await {
                Some(Ok(chunk)) => self.pending.extend_from_slice(&chunk),
                Some(Err(error)) => return Err(self.failed(&error)),
                None if self.pending.is_empty() => return Ok(None),
                None => return Err(self.failed(&"its last line has no end")),
            }
            if self.pending.len() > LINE_BYTES_MAX {
                return Err(self.failed(&format!("a line has more than {LINE_BYTES_MAX} bytes")));
            }
        }
    }

    fn failed(&self, error: &impl ToString) -> PortError {
        PortError { action: format!("read {}", self.key), message: error.to_string() }
    }
}
