//! The part of the decompressed file that is in memory: what is read but not yet used.

use bytes::Bytes;

/// Bytes in memory, with their place in the file.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Index in `bytes` of the first one that is still needed.
    start: usize,
    /// Offset in the file of `bytes[0]`.
    base: u64,
    /// No more will come.
    pub(super) at_end: bool,
}

impl Window {
    /// Bytes that may lie unused in front before they are moved out.
    const SLACK_BYTES: usize = 256 * 1024;

    /// What is in memory and needed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Offset in the file of the first needed byte.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Gives up the first `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count.min(self.bytes.len() - self.start);
    }

    /// A copy of the first `count` bytes, which are given up.
    pub(super) fn take(&mut self, count: usize) -> Bytes {
        let taken = Bytes::copy_from_slice(&self.bytes()[..count]);
        self.consume(count);
        taken
    }

    /// The place to append to.
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
