//! An object of JSON lines, read as a stream, so that its size does not matter.

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
    /// Bytes of `pending` that hold no end of a line.
    looked: usize,
}

impl LineReader {
    /// The lines of an object that was opened under this key. A longer line than `line_bytes_max` is an error.
    pub(crate) fn new(key: String, object: Object, line_bytes_max: usize) -> Self {
        Self { key, line_bytes_max, body: object.body, pending: BytesMut::new(), looked: 0 }
    }

    /// The next line without its end, or none after the last one.
    ///
    /// # Errors
    ///
    /// When the object can't be read on, or its last line is incomplete.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, PortError> {
        loop {
            if let Some(end) = self.pending[self.looked..].iter().position(|byte| *byte == b'\n') {
                let line = self.pending.split_to(self.looked + end).freeze();
                self.pending.advance(1);
                self.looked = 0;
                return Ok(Some(line));
            }
            self.looked = self.pending.len();
            match self.body.next().await {
                Some(Ok(chunk)) => self.pending.extend_from_slice(&chunk),
                Some(Err(error)) => return Err(self.failed(&error)),
                None if self.pending.is_empty() => return Ok(None),
                None => return Err(self.failed(&"its last line has no end")),
            }
            if self.pending.len() > self.line_bytes_max {
                return Err(self.failed(&format!("a line has more than {} bytes", self.line_bytes_max)));
            }
        }
    }

    /// The failure to read the object.
    pub(crate) fn failed(&self, error: &impl ToString) -> PortError {
        PortError { action: format!("read {}", self.key), message: error.to_string() }
    }
}
