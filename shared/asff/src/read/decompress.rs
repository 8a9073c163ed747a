//! Decompresses the file as its chunks arrive. The compression is detected from the first bytes: none, gzip with any number of
//! members, or zstd with any number of frames.
//!
//! One step yields at most [`PIECE_BYTES`], and a file that exceeds its decompression limits is rejected.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Buf, Bytes};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

use super::{Compression, FileRejection, ReadLimits};

/// Maximum number of bytes per decompression step: large enough to make the number of calls irrelevant, small enough for the
/// cache.
const PIECE_BYTES: usize = 64 * 1024;
/// Number of bytes that determine the compression: the length of zstd's magic number.
const MAGIC_BYTES: usize = 4;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The magic numbers of zstd's skippable frames are 0x184D2A50 to 0x184D2A5F, in little-endian order.
const ZSTD_SKIPPABLE_MAGIC: [u8; 3] = [0x2a, 0x4d, 0x18];
/// zlib's largest window, 2^15 bytes; gzip allows no larger one.
const GZIP_WINDOW_LOG: u8 = 15;
/// Maximum zstd window, 2^25 bytes = 32 MiB: levels up to 19 use 8 MiB; 128 MiB would be half the memory of a small function.
const ZSTD_WINDOW_LOG_MAX: u32 = 25;
/// Part of zstd's error message for a window above the maximum.
const ZSTD_WINDOW_ERROR: &str = "requires too much memory";

/// The result of a request for more bytes.
#[derive(Debug)]
pub(super) enum Pull {
    /// Bytes were appended.
    Some,
    /// The next chunk of the file is required.
    NeedInput,
    /// The file is decompressed completely.
    End,
    /// The stream is truncated or corrupt.
    Broken(&'static str),
    /// The file must not be read further.
    Rejected(FileRejection),
}

/// The stored file, and its decoder.
#[derive(Debug)]
pub(super) struct Source {
    chunks: VecDeque<Bytes>,
    ended: bool,
    decoder: Decoder,
    compressed_bytes: u64,
    decompressed_bytes: u64,
}

enum Decoder {
    Undetected,
    Plain,
    Gzip {
        inflate: Box<Decompress>,
        member: Member,
    },
    Zstd {
        decoder: Box<ZstdDecoder<'static>>,
        frame: Member,
    },
    /// Only padding may follow.
    Over(Compression),
}

/// The position in a file of several parts: gzip's members, zstd's frames.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    First,
    Inside,
    Between,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Undetected => "Untold",
            Self::Plain => "Plain",
            Self::Gzip { .. } => "Gzip",
            Self::Zstd { .. } => "Zstd",
            Self::Over(_) => "Over",
        })
    }
}

impl Source {
    pub(super) fn new() -> Self {
        Self {
            chunks: VecDeque::new(),
            ended: false,
            decoder: Decoder::Undetected,
            compressed_bytes: 0,
            decompressed_bytes: 0,
        }
    }

    pub(super) fn feed(&mut self, chunk: Bytes) {
        if !chunk.is_empty() && !self.ended {
            self.chunks.push_back(chunk);
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The number of bytes of the stored file that were read.
    pub(super) fn compressed_bytes(&self) -> u64 {
        self.compressed_bytes
    }

    /// The compression of the file. `None` until its first bytes are available.
    pub(super) fn compression(&self) -> Option<Compression> {
        match self.decoder {
            Decoder::Undetected => None,
            Decoder::Plain => Some(Compression::Plain),
            Decoder::Zstd { .. } => Some(Compression::Zstd),
            Decoder::Gzip { .. } => Some(Compression::Gzip),
            Decoder::Over(compression) => Some(compression),
        }
    }

    /// Appends the next decompressed bytes to `out`.
    pub(super) fn pull(&mut self, out: &mut Vec<u8>, limits: &ReadLimits) -> Pull {
        if matches!(self.decoder, Decoder::Undetected) && !self.detect_compression() {
            return Pull::NeedInput;
        }
        let before = out.len();
        let pull = self.decode(out);
        self.decompressed_bytes += (out.len() - before) as u64;
        if self.decompressed_bytes > limits.decompressed_bytes_max {
            return Pull::Rejected(FileRejection::TooLarge { bytes_max: limits.decompressed_bytes_max });
        }
        let ratio_max = match self.compression() {
            Some(Compression::Gzip) => limits.gzip_ratio_max,
            Some(Compression::Zstd) => limits.zstd_ratio_max,
            Some(Compression::Plain) | None => return pull,
        };
        if self.decompressed_bytes > limits.ratio_grace_bytes
            && self.decompressed_bytes / ratio_max.max(1) > self.compressed_bytes
        {
            return Pull::Rejected(FileRejection::Bomb {
                ratio_max,
                compressed_bytes: self.compressed_bytes,
                decompressed_bytes: self.decompressed_bytes,
            });
        }
        pull
    }

    /// Detects the compression from the first bytes. Returns `false` if there are too few of them.
    fn detect_compression(&mut self) -> bool {
        let mut magic = Vec::with_capacity(MAGIC_BYTES);
        for chunk in &self.chunks {
            magic.extend(chunk.iter().take(MAGIC_BYTES - magic.len()));
        }
        if magic.len() < MAGIC_BYTES && !self.ended {
            return false;
        }
        self.decoder = if magic.starts_with(&GZIP_MAGIC) {
            Decoder::Gzip { inflate: new_inflate(), member: Member::First }
        } else if magic.starts_with(&ZSTD_MAGIC) || magic.get(1..) == Some(&ZSTD_SKIPPABLE_MAGIC) {
            new_zstd().unwrap_or(Decoder::Plain)
        } else {
            Decoder::Plain
        };
        true
    }

    fn decode(&mut self, out: &mut Vec<u8>) -> Pull {
        loop {
            let Some(chunk) = self.chunks.front_mut() else {
                return self.out_of_input(out);
            };
            let (used, step) = match &mut self.decoder {
                Decoder::Undetected | Decoder::Plain => copy(chunk, out),
                Decoder::Over(_) => pass_padding(chunk),
                Decoder::Gzip { inflate, member } => inflate_chunk(inflate, member, chunk, out),
                Decoder::Zstd { decoder, frame } => unzstd_chunk(decoder, frame, chunk, out),
            };
            self.compressed_bytes += used as u64;
            chunk.advance(used);
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
            match step {
                Step::Made => return Pull::Some,
                Step::More if used == 0 => return Pull::Broken("the compressed stream is corrupt"),
                Step::More => {}
                Step::Over => {
                    let compression = self.compression().unwrap_or(Compression::Plain);
                    self.decoder = Decoder::Over(compression);
                }
                Step::Broken(why) => return Pull::Broken(why),
                Step::Window => {
                    let window_bytes_max = 1 << ZSTD_WINDOW_LOG_MAX;
                    return Pull::Rejected(FileRejection::Window { window_bytes_max });
                }
            }
        }
    }

    /// All chunks are used: more are required, or the file ends, completely or not.
    fn out_of_input(&mut self, out: &mut Vec<u8>) -> Pull {
        // A decoder may buffer bytes that did not fit into the last step's output.
        let buffered = match &mut self.decoder {
            Decoder::Gzip { inflate, member } if *member == Member::Inside => {
                inflate_chunk(inflate, member, &Bytes::new(), out).1
            }
            Decoder::Zstd { decoder, frame } if *frame == Member::Inside => {
                unzstd_chunk(decoder, frame, &Bytes::new(), out).1
            }
            _ => Step::More,
        };
        if matches!(buffered, Step::Made) {
            return Pull::Some;
        }
        if !self.ended {
            return Pull::NeedInput;
        }
        match &self.decoder {
            Decoder::Gzip { member, .. } if *member != Member::Between => Pull::Broken("the gzip stream ends early"),
            Decoder::Zstd { frame, .. } if *frame != Member::Between => Pull::Broken("the zstd stream ends early"),
            _ => Pull::End,
        }
    }
}

/// The result of one call of a decoder.
enum Step {
    Made,
    More,
    Over,
    Broken(&'static str),
    Window,
}

fn new_inflate() -> Box<Decompress> {
    Box::new(Decompress::new_gzip(GZIP_WINDOW_LOG))
}

fn new_zstd() -> Option<Decoder> {
    let mut decoder = ZstdDecoder::new().ok()?;
    decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX)).ok()?;
    Some(Decoder::Zstd { decoder: Box::new(decoder), frame: Member::First })
}

fn copy(chunk: &Bytes, out: &mut Vec<u8>) -> (usize, Step) {
    let count = chunk.len().min(PIECE_BYTES);
    out.extend_from_slice(&chunk[..count]);
    (count, Step::Made)
}

/// Passes what follows the compressed data. Only padding is without meaning: anything else may be findings.
fn pass_padding(chunk: &Bytes) -> (usize, Step) {
    let is_padding = chunk.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace());
    if is_padding {
        (chunk.len(), Step::More)
    } else {
        (0, Step::Broken("data that can't be decompressed follows the compressed data"))
    }
}

fn inflate_chunk(
    inflate: &mut Box<Decompress>,
    member: &mut Member,
    chunk: &Bytes,
    out: &mut Vec<u8>,
) -> (usize, Step) {
    if *member == Member::Between {
        if chunk.first() != Some(&GZIP_MAGIC[0]) {
            return (0, Step::Over);
        }
        *inflate = new_inflate();
        *member = Member::Inside;
    }
    let (in_before, out_before) = (inflate.total_in(), inflate.total_out());
    let length = out.len();
    out.resize(length + PIECE_BYTES, 0);
    let status = inflate.decompress(chunk, &mut out[length..], FlushDecompress::None);
    let used = usize::try_from(inflate.total_in() - in_before).unwrap_or(usize::MAX);
    let made = usize::try_from(inflate.total_out() - out_before).unwrap_or(usize::MAX);
    out.truncate(length + made);
    match status {
        Ok(Status::StreamEnd) => *member = Member::Between,
        Ok(Status::Ok | Status::BufError) if *member == Member::First => *member = Member::Inside,
        Ok(Status::Ok | Status::BufError) => {}
        Err(_) => return (used, Step::Broken("the gzip stream is corrupt")),
    }
    (used, if made > 0 { Step::Made } else { Step::More })
}

fn unzstd_chunk(
    decoder: &mut ZstdDecoder<'static>,
    frame: &mut Member,
    chunk: &Bytes,
    out: &mut Vec<u8>,
) -> (usize, Step) {
    let length = out.len();
    out.resize(length + PIECE_BYTES, 0);
    let mut input = InBuffer::around(chunk.as_ref());
    let mut output = OutBuffer::around(&mut out[length..]);
    let hint = decoder.run(&mut input, &mut output);
    let (used, made) = (input.pos(), output.pos());
    out.truncate(length + made);
    match hint {
        Ok(0) => *frame = Member::Between,
        Ok(_) => *frame = Member::Inside,
        Err(error) if error.to_string().contains(ZSTD_WINDOW_ERROR) => return (used, Step::Window),
        // Data after a complete frame that is not a frame itself.
        Err(_) if *frame == Member::Between => return (0, Step::Over),
        Err(_) => return (used, Step::Broken("the zstd stream is corrupt")),
    }
    (used, if made > 0 { Step::Made } else { Step::More })
}
