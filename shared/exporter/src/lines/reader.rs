//! Reads an object of JSON lines as a stream, in constant memory.

use bytes::{Buf, Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::ports::{Object, PortError};

/// The lines of an object.
pub(crate) struct LineReader {
    key: String,
    line_bytes_max: usize,
    body: BoxStream<'static, std::io::Result<Bytes>>,
    pending: BytesMut,
    /// Number of bytes at the beginning of `pending` that contain no line feed.
    searched: usize,
}

impl LineReader {
    /// The lines of the object with this key. A line longer than `line_bytes_max` is an error.
    pub(crate) fn new(key: String, object: Object, line_bytes_max: usize) -> Self {
        Self { key, line_bytes_max, body: object.body, pending: BytesMut::new(), searched: 0 }
    }

    /// The next line without its line feed. `None` after the last one.
    ///
    /// # Errors
    ///
    /// If the object can't be read further, or its last line is incomplete.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, PortError> {
        loop {
            if let Some(end) = self.pending[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.pending.split_to(self.searched + end).freeze();
                self.pending.advance(1);
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.pending.len();
            match self.body.next().await {
                Some(Ok(chunk)) => self.pending.extend_from_slice(&chunk),
                Some(Err(error)) => return Err(self.failed(&error)),
                None if self.pending.is_empty() => return Ok(None),
                None => return Err(self.failed(&"the last line is incomplete")),
            }
            if self.pending.len() > self.line_bytes_max {
                return Err(self.failed(&format!("a line has more than {} bytes", self.line_bytes_max)));
            }
        }
    }

    /// The error of a failed read of the object.
    pub(crate) fn failed(&self, error: &impl ToString) -> PortError {
        PortError { action: format!("read {}", self.key), message: error.to_string() }
    }
}
