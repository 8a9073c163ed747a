//! The part of the decompressed file that is in memory: bytes that were read and not used yet.

use bytes::Bytes;

/// Bytes in memory, with their offset in the file.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Index in `bytes` of the first byte that is still needed.
    start: usize,
    /// Offset in the file of `bytes[0]`.
    base: u64,
    /// Whether the file has no further bytes.
    pub(super) at_end: bool,
}

impl Window {
    /// Maximum number of used bytes at the beginning of the buffer before they are removed.
    const SLACK_BYTES: usize = 256 * 1024;

    /// The bytes that are in memory and still needed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The offset in the file of the first needed byte.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Discards the first `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count.min(self.bytes.len() - self.start);
    }

    /// Copies and discards the first `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Bytes {
        let taken = Bytes::copy_from_slice(&self.bytes()[..count]);
        self.consume(count);
        taken
    }

    /// The buffer to which bytes are appended.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        if self.start == self.bytes.len() {
            self.base += self.start as u64;
            self.bytes.clear();
            self.start = 0;
        } else if self.start > Self::SLACK_BYTES && self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.base += self.start as u64;
            self.start = 0;
        }
        &mut self.bytes
    }
}
