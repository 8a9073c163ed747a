//! The state file: a zstd stream of a header, entries, and a tail with the number of entries and the tables to which
//! the entries refer.
//!
//! Guarantees: writing and reading need constant memory. A file that is truncated, altered, or of another version is an
//! error when it is read, never a shorter state. The checksum of zstd protects the content, the count protects the
//! length.

use bytes::{Buf, Bytes, BytesMut};
use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

use super::finding::{Entry, FindingMeta, META_BYTES, META_BYTES_1};
use super::header::{StateHeader, Tail};

/// The first bytes of every file.
const MAGIC: &[u8; 8] = b"shstate2";
/// The first bytes of a file of the first version, which is read but never written: its entries are shorter, and its
/// tail is [`Tail::adopting`] alone.
const MAGIC_1: &[u8; 8] = b"shstate1";
/// The length that marks the end of the entries.
const END: u32 = u32::MAX;
/// Maximum number of bytes of one entry's JSON: the service's limit for a finding, with a margin.
const JSON_BYTES_MAX: usize = 1 << 20;
/// The fastest level of zstd with a useful ratio: findings are compressed more than tenfold at any level.
const LEVEL: i32 = 1;
/// A window of 256 KiB covers the last hundred findings; a larger one would cost each Region's reader and writer
/// megabytes.
const WINDOW_LOG: u32 = 18;
/// The size of the writer's match table, small for the same reason.
const HASH_LOG: u32 = 15;
/// Maximum number of bytes of the tail: a page token, and the tables of scans and checks at their largest.
const TAIL_BYTES_MAX: usize = 8 << 20;
/// Bytes that are read from the codec at once.
const STEP_BYTES: usize = 64 * 1024;

/// Why a state can't be used. It is then rebuilt from the findings in Security Hub.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not a state file.
    #[error("not a state file")]
    Version,
    /// A later release wrote the file.
    #[error("a later release wrote the state file: it has format {format}, and this release reads formats 1 and 2")]
    Newer {
        /// The character of the format number.
        format: char,
    },
    /// The file is truncated.
    #[error("the state file is truncated")]
    Truncated,
    /// The content differs from what was written.
    #[error("the state file is corrupt: {0}")]
    Corrupt(String),
}

/// The error for a file whose first bytes are not a known format.
fn unknown_format(first: &[u8]) -> StateError {
    match first.split_last() {
        Some((format, name)) if name == &MAGIC[..MAGIC.len() - 1] => StateError::Newer { format: char::from(*format) },
        _ => StateError::Version,
    }
}

/// Writes a state: receives entries and returns compressed bytes.
pub struct StateWriter {
    encoder: Encoder<'static>,
    out: Vec<u8>,
    record: Vec<u8>,
    entries: u64,
    tail: Vec<u8>,
}

impl StateWriter {
    /// Starts a file.
    ///
    /// # Errors
    ///
    /// When zstd has no memory.
    pub fn new(header: &StateHeader) -> std::io::Result<Self> {
        let mut encoder = Encoder::new(LEVEL)?;
        for parameter in
            [CParameter::WindowLog(WINDOW_LOG), CParameter::HashLog(HASH_LOG), CParameter::ChecksumFlag(true)]
        {
            encoder.set_parameter(parameter)?;
        }
        let mut writer = Self { encoder, out: Vec::new(), record: Vec::new(), entries: 0, tail: Vec::new() };
        let header = serde_json::to_vec(header)?;
        writer.record.extend_from_slice(MAGIC);
        writer.record.extend_from_slice(&length(header.len())?.to_le_bytes());
        writer.record.extend_from_slice(&header);
        writer.compress()?;
        Ok(writer)
    }

    /// Adds an entry.
    ///
    /// # Errors
    ///
    /// When its JSON is larger than a finding may be.
    pub fn push(&mut self, meta: &FindingMeta, json: &[u8]) -> std::io::Result<()> {
        self.record.extend_from_slice(&length(json.len())?.to_le_bytes());
        meta.write(&mut self.record);
        self.record.extend_from_slice(json);
        self.entries += 1;
        self.compress()
    }

    /// Returns the compressed bytes so far, to be stored.
    pub fn take_bytes(&mut self) -> Bytes {
        std::mem::take(&mut self.out).into()
    }

    /// The number of compressed bytes that were not taken yet.
    pub fn pending_bytes(&self) -> usize {
        self.out.len()
    }

    /// The number of entries written.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Sets the tail.
    ///
    /// # Errors
    ///
    /// When it is larger than a tail may be.
    pub fn set_tail(&mut self, tail: &Tail) -> std::io::Result<()> {
        self.tail = serde_json::to_vec(tail)?;
        if self.tail.len() > TAIL_BYTES_MAX {
            return Err(std::io::Error::other(format!("an end of {} bytes", self.tail.len())));
        }
        Ok(())
    }

    /// Writes the tail, and returns the last bytes of the file.
    ///
    /// # Errors
    ///
    /// When zstd fails.
    pub fn finish(mut self) -> std::io::Result<Bytes> {
        self.record.extend_from_slice(&END.to_le_bytes());
        self.record.extend_from_slice(&self.entries.to_le_bytes());
        self.record.extend_from_slice(&self.tail);
        self.compress()?;
        loop {
            let start = self.out.len();
            self.out.reserve(STEP_BYTES);
            let mut out = OutBuffer::around_pos(&mut self.out, start);
            let left = self.encoder.finish(&mut out, true)?;
            if left == 0 {
                return Ok(self.out.into());
            }
        }
    }

    /// Compresses the bytes of `record`.
    fn compress(&mut self) -> std::io::Result<()> {
        let mut input = InBuffer::around(&self.record);
        while input.pos() < self.record.len() {
            let start = self.out.len();
            self.out.reserve(STEP_BYTES.min(self.record.len() + 1024));
            self.encoder.run(&mut input, &mut OutBuffer::around_pos(&mut self.out, start))?;
        }
        self.record.clear();
        Ok(())
    }
}

fn length(bytes: usize) -> std::io::Result<u32> {
    if bytes > JSON_BYTES_MAX {
        return Err(std::io::Error::other(format!("an entry of {bytes} bytes is larger than a finding may be")));
    }
    u32::try_from(bytes).map_err(std::io::Error::other)
}

/// The next step of a reader.
#[derive(Debug, PartialEq, Eq)]
pub enum StateStep {
    /// Call [`StateReader::feed`] or [`StateReader::end_of_input`].
    NeedInput,
    /// The next entry.
    Entry(Entry),
    /// All entries were read, and the file was complete.
    Done,
}

/// Reads a state: receives compressed bytes and returns entries.
pub struct StateReader {
    decoder: Decoder<'static>,
    input: Bytes,
    ended: bool,
    plain: BytesMut,
    /// Bytes of an entry's metadata: they depend on the version.
    meta_bytes: usize,
    header: Option<StateHeader>,
    entries: u64,
    done: bool,
    /// The zstd frame is complete, and its checksum is correct.
    frame_ended: bool,
}

impl StateReader {
    /// Creates a reader of one file.
    ///
    /// # Errors
    ///
    /// When zstd has no memory.
    pub fn new() -> std::io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        let (input, plain) = (Bytes::new(), BytesMut::new());
        Ok(Self {
            decoder,
            input,
            ended: false,
            plain,
            meta_bytes: META_BYTES,
            header: None,
            entries: 0,
            done: false,
            frame_ended: false,
        })
    }

    /// Adds the next chunk of the file.
    pub fn feed(&mut self, chunk: Bytes) {
        self.input = chunk;
    }

    /// Signals the end of the file.
    pub fn end_of_input(&mut self) {
        self.ended = true;
    }

    /// Whether the file is of the first version, which doesn't record which entries are foreign.
    pub(crate) fn is_first_version(&self) -> bool {
        self.meta_bytes == META_BYTES_1
    }

    /// The header, known before the first entry. Its tail is known after the last.
    pub fn header(&self) -> Option<&StateHeader> {
        self.header.as_ref()
    }

    /// The next step.
    ///
    /// # Errors
    ///
    /// When the file can't be trusted; then the entries read so far can't be trusted either.
    pub fn step(&mut self) -> Result<StateStep, StateError> {
        loop {
            if self.done {
                return self.after_end();
            }
            if let Some(step) = self.parse()? {
                return Ok(step);
            }
            if self.done {
                continue;
            }
            if self.input.is_empty() {
                return if self.ended { Err(StateError::Truncated) } else { Ok(StateStep::NeedInput) };
            }
            self.decompress()?;
        }
    }

    /// Reads the rest of the zstd frame, which has the checksum to be verified, then the tail.
    fn after_end(&mut self) -> Result<StateStep, StateError> {
        while !self.input.is_empty() {
            self.decompress()?;
            if self.plain.len() > TAIL_BYTES_MAX {
                return Err(StateError::Corrupt("it has data after its end".to_owned()));
            }
        }
        match (self.ended, self.frame_ended) {
            (false, _) => Ok(StateStep::NeedInput),
            (true, true) => self.tail(),
            (true, false) => Err(StateError::Truncated),
        }
    }

    fn tail(&mut self) -> Result<StateStep, StateError> {
        let tail = self.plain.split();
        if let Some(header) = self.header.as_mut().filter(|_| !tail.is_empty()) {
            let read = if self.meta_bytes == META_BYTES {
                serde_json::from_slice(&tail)
            } else {
                serde_json::from_slice(&tail).map(|adopting| Tail { adopting: Some(adopting), ..Tail::default() })
            };
            header.tail = read.map_err(|error| StateError::Corrupt(error.to_string()))?;
        }
        Ok(StateStep::Done)
    }

    /// Parses one record of the decompressed bytes, if it is complete.
    fn parse(&mut self) -> Result<Option<StateStep>, StateError> {
        if self.header.is_none() {
            let head = MAGIC.len() + 4;
            let first = &self.plain[..self.plain.len().min(MAGIC.len())];
            if !MAGIC.starts_with(first) && !MAGIC_1.starts_with(first) {
                return Err(unknown_format(first));
            }
            if self.plain.len() < head {
                return Ok(None);
            }
            if self.plain.starts_with(MAGIC_1) {
                self.meta_bytes = META_BYTES_1;
            }
            let bytes = self.length_at(MAGIC.len())?;
            if self.plain.len() < head + bytes {
                return Ok(None);
            }
            self.plain.advance(head);
            let header = self.plain.split_to(bytes);
            self.header =
                Some(serde_json::from_slice(&header).map_err(|error| StateError::Corrupt(error.to_string()))?);
        }
        if self.plain.len() >= 12 && self.plain[..4] == END.to_le_bytes() {
            self.plain.advance(4);
            let expected = self.plain.get_u64_le();
            if expected != self.entries {
                return Err(StateError::Corrupt(format!("it contains {} of {expected} entries", self.entries)));
            }
            self.done = true;
            return Ok(None);
        }
        if self.plain.len() < 4 + self.meta_bytes || self.plain[..4] == END.to_le_bytes() {
            return Ok(None);
        }
        let bytes = self.length_at(0)?;
        if self.plain.len() < 4 + self.meta_bytes + bytes {
            return Ok(None);
        }
        self.plain.advance(4);
        let meta = FindingMeta::read(&self.plain.split_to(self.meta_bytes))
            .ok_or_else(|| StateError::Corrupt("an entry in an unknown state".to_owned()))?;
        self.entries += 1;
        Ok(Some(StateStep::Entry(Entry { meta, json: self.plain.split_to(bytes).freeze() })))
    }

    fn length_at(&self, at: usize) -> Result<usize, StateError> {
        let mut word = [0; 4];
        word.copy_from_slice(&self.plain[at..at + 4]);
        let bytes = u32::from_le_bytes(word) as usize;
        if bytes > JSON_BYTES_MAX {
            return Err(StateError::Corrupt(format!("an entry of {bytes} bytes")));
        }
        Ok(bytes)
    }

    fn decompress(&mut self) -> Result<(), StateError> {
        let corrupt = |error: std::io::Error| StateError::Corrupt(error.to_string());
        let start = self.plain.len();
        self.plain.resize(start + STEP_BYTES, 0);
        let mut input = InBuffer::around(&self.input);
        let mut out = OutBuffer::around_pos(&mut self.plain[..], start);
        self.frame_ended = self.decoder.run(&mut input, &mut out).map_err(corrupt)? == 0;
        let (read, end) = (input.pos(), out.pos());
        self.plain.truncate(end);
        self.input.advance(read);
        Ok(())
    }
}
