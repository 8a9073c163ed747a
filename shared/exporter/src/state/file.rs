//! The state's file: a zstd stream of a header, entries, and an end that says how many there were, with the tables that the
//! entries refer to.
//!
//! Promises: writing and reading take constant memory; a file that is cut, altered or of another version is an error when it is
//! read, never a shorter state. zstd's own checksum guards the content, the count guards the length.

use bytes::{Buf, Bytes, BytesMut};
use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

use super::finding::{Entry, FindingMeta, META_BYTES, META_BYTES_1};
use super::header::{StateHeader, Tail};

/// The first bytes of every file.
const MAGIC: &[u8; 8] = b"shstate2";
/// The first bytes of a file of the first version, which is read and never written: its entries are shorter, and what
/// stands behind their end is [`Tail::adopting`] alone.
const MAGIC_1: &[u8; 8] = b"shstate1";
/// The length that stands for the end.
const END: u32 = u32::MAX;
/// Bytes of one entry's JSON at most: the service's limit for a finding, with room for what it may become.
const JSON_BYTES_MAX: usize = 1 << 20;
/// zstd's fastest level that is worth its time: findings compress more than tenfold at any level.
const LEVEL: i32 = 1;
/// A window of 256 KiB holds the hundred findings before; a larger one would cost each Region's reader and writer megabytes.
const WINDOW_LOG: u32 = 18;
/// The writer's table of matches, likewise small.
const HASH_LOG: u32 = 15;
/// Bytes behind the end at most: a page token, and the tables of scans and checks at their largest.
const TAIL_BYTES_MAX: usize = 8 << 20;
/// Bytes that are taken out of the codec at once.
const STEP_BYTES: usize = 64 * 1024;

/// Why a state can't be used. It is then rebuilt from what Security Hub holds.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not a state file.
    #[error("not a state file")]
    Version,
    /// A later release wrote the file.
    #[error("a later release wrote the state file: it has format {format}, and this release reads formats 1 and 2")]
    Newer {
        /// The character that names the format.
        format: char,
    },
    /// The file ends before its end.
    #[error("the state file is truncated")]
    Truncated,
    /// The content is not what was written.
    #[error("the state file is corrupt: {0}")]
    Corrupt(String),
}

/// Why the first bytes of a file are not those of a format that is known.
fn unknown_format(first: &[u8]) -> StateError {
    match first.split_last() {
        Some((format, name)) if name == &MAGIC[..MAGIC.len() - 1] => StateError::Newer { format: char::from(*format) },
        _ => StateError::Version,
    }
}

/// Writes a state: entries in, compressed bytes out.
pub struct StateWriter {
    encoder: Encoder<'static>,
    out: Vec<u8>,
    record: Vec<u8>,
    entries: u64,
    tail: Vec<u8>,
}

impl StateWriter {
    /// Begins a file.
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
    /// When its JSON is larger than any finding may be.
    pub fn push(&mut self, meta: &FindingMeta, json: &[u8]) -> std::io::Result<()> {
        self.record.extend_from_slice(&length(json.len())?.to_le_bytes());
        meta.write(&mut self.record);
        self.record.extend_from_slice(json);
        self.entries += 1;
        self.compress()
    }

    /// The compressed bytes so far, to be stored.
    pub fn take_bytes(&mut self) -> Bytes {
        std::mem::take(&mut self.out).into()
    }

    /// Compressed bytes that wait to be taken.
    pub fn pending_bytes(&self) -> usize {
        self.out.len()
    }

    /// How many entries were written.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Sets what stands at the end.
    ///
    /// # Errors
    ///
    /// When it is larger than any may be.
    pub fn set_tail(&mut self, tail: &Tail) -> std::io::Result<()> {
        self.tail = serde_json::to_vec(tail)?;
        if self.tail.len() > TAIL_BYTES_MAX {
            return Err(std::io::Error::other(format!("an end of {} bytes", self.tail.len())));
        }
        Ok(())
    }

    /// Writes the end. The last bytes of the file.
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
            self.out.resize(start + STEP_BYTES, 0);
            let mut out = OutBuffer::around_pos(&mut self.out, start);
            let left = self.encoder.finish(&mut out, true)?;
            let end = out.pos();
            self.out.truncate(end);
            if left == 0 {
                return Ok(self.out.into());
            }
        }
    }

    /// Compresses what is in `record`.
    fn compress(&mut self) -> std::io::Result<()> {
        let mut input = InBuffer::around(&self.record);
        while input.pos() < self.record.len() {
            let start = self.out.len();
            self.out.resize(start + STEP_BYTES.min(self.record.len() + 1024), 0);
            let mut out = OutBuffer::around_pos(&mut self.out, start);
            self.encoder.run(&mut input, &mut out)?;
            let end = out.pos();
            self.out.truncate(end);
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

/// What a reader has to say next.
#[derive(Debug, PartialEq, Eq)]
pub enum StateStep {
    /// Feed it, or tell it that the input is at its end.
    NeedInput,
    /// The next entry.
    Entry(Entry),
    /// There is no more, and it was complete.
    Done,
}

/// Reads a state: compressed bytes in, entries out.
pub struct StateReader {
    decoder: Decoder<'static>,
    input: Bytes,
    ended: bool,
    plain: BytesMut,
    /// Bytes of an entry's slot: they tell the version.
    meta_bytes: usize,
    header: Option<StateHeader>,
    entries: u64,
    done: bool,
    /// The zstd frame is whole, and its checksum right.
    frame_ended: bool,
}

impl StateReader {
    /// A reader of one file.
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

    /// Takes the next piece of the file.
    pub fn feed(&mut self, chunk: Bytes) {
        self.input = chunk;
    }

    /// Says that there is no more.
    pub fn end_of_input(&mut self) {
        self.ended = true;
    }

    /// Whether the file is of the first version, which doesn't know which entries are foreign.
    pub(crate) fn is_first_version(&self) -> bool {
        self.meta_bytes == META_BYTES_1
    }

    /// What the file is about, known before the first entry; its tail, after the last.
    pub fn header(&self) -> Option<&StateHeader> {
        self.header.as_ref()
    }

    /// What to do next.
    ///
    /// # Errors
    ///
    /// When the file can't be trusted; then nothing that it said can.
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

    /// The rest of the zstd frame holds its checksum, which must be read to be compared.
    fn after_end(&mut self) -> Result<StateStep, StateError> {
        while !self.input.is_empty() {
            self.decompress()?;
            if self.plain.len() > TAIL_BYTES_MAX {
                return Err(StateError::Corrupt("it goes on after its end".to_owned()));
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

    /// Takes one record out of what is decompressed, if it is whole.
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
            let said = self.plain.get_u64_le();
            if said != self.entries {
                return Err(StateError::Corrupt(format!("it holds {} of {said} entries", self.entries)));
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
