//! The scan reader: bytes are fed in, elements come out.

use std::sync::Arc;

use bytes::Bytes;

use super::buffer::ElementBuffer;
use super::decompress::{Pull, Source};
use super::detected::Detected;
use super::json::JsonSplitter;
use super::probe::{Verdict, judge, judge_row};
use super::rows::RowSplitter;
use super::split::Split;
use super::window::Window;
use super::{Compression, Content, Element, Ending, FileRejection, ReadLimits, ScanFormat, TagKeys, sniff};

/// Maximum number of inconclusive entries before the file is rejected.
const UNDETECTED_ENTRIES_MAX: usize = 16;

/// The next step of a reader.
#[derive(Clone, Debug)]
pub enum Step {
    /// The reader needs the next chunk, or the information that the input has ended.
    NeedInput,
    /// The next element, for [`crate::map`].
    Element(Element),
    /// The file has ended. Returned again by further calls.
    Done(Ending),
}

/// Converts the bytes of a scan file, in chunks of any size, to elements.
///
/// A file that is not a scan is rejected before its first element is returned; a file that is too large, or a decompression bomb,
/// as soon as that is detected.
#[derive(Debug)]
pub struct ScanReader {
    limits: ReadLimits,
    source: Source,
    window: Window,
    stage: Stage,
    format: Option<ScanFormat>,
    /// Elements that are buffered until the format is detected, or until they are returned.
    buffer: ElementBuffer,
    buffered_bytes: usize,
    /// Why the first inconclusive entry is inconclusive.
    nothing: Option<String>,
    /// The product of the first finding of another product.
    foreign: Option<String>,
    /// The tag keys with colons that the file has contained so far.
    keys: TagKeys,
    /// Why the compressed stream is broken.
    broken: Option<&'static str>,
    done: Option<Ending>,
}

#[derive(Debug)]
enum Stage {
    Undetected,
    Json(JsonSplitter),
    Rows(RowSplitter),
}

impl ScanReader {
    /// A reader of one file.
    #[must_use]
    pub fn new(limits: ReadLimits) -> Self {
        Self {
            limits,
            source: Source::new(),
            window: Window::default(),
            stage: Stage::Undetected,
            format: None,
            buffer: ElementBuffer::default(),
            buffered_bytes: 0,
            nothing: None,
            foreign: None,
            keys: TagKeys::default(),
            broken: None,
            done: None,
        }
    }

    /// Feeds the next chunk of the stored file, which may be compressed. Must be called after [`Step::NeedInput`].
    pub fn feed(&mut self, chunk: Bytes) {
        self.source.feed(chunk);
    }

    /// Ends the input. After a network error, it must not be called: drop the reader instead.
    pub fn end_of_input(&mut self) {
        self.source.end();
    }

    /// The format, as soon as it is detected. It is known before the first element is returned, unless nothing in the file could
    /// be read.
    #[must_use]
    pub fn format(&self) -> Option<ScanFormat> {
        self.format
    }

    /// The compression of the file, as soon as its first bytes are available.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        self.source.compression()
    }

    /// The number of bytes of the stored file that were used, for a progress bar.
    #[must_use]
    pub fn bytes_used(&self) -> u64 {
        self.source.compressed_bytes()
    }

    /// Whether the layout of the file so far proves where the file ends: it is exactly one JSON array, or one JSON object with
    /// nothing but an array of findings. A file with one object per line, a page of an API, several documents, or rows may have
    /// been truncated between two of them without any sign of it, regardless of the compression. Valid after [`Step::Done`].
    #[must_use]
    pub fn has_end(&self) -> bool {
        matches!(&self.stage, Stage::Json(splitter) if splitter.has_end())
    }

    /// The next step.
    #[expect(clippy::should_implement_trait, reason = "it can request input, which an iterator can't")]
    pub fn next(&mut self) -> Step {
        loop {
            let is_detected = self.format.is_some() || self.done.is_some();
            if is_detected && let Some(element) = self.buffer.pop() {
                return Step::Element(element);
            }
            if let Some(ending) = &self.done {
                return Step::Done(ending.clone());
            }
            let split = match &mut self.stage {
                Stage::Undetected => match self.detect_content() {
                    Some(split) => split,
                    None => continue,
                },
                Stage::Json(splitter) => splitter.next(&mut self.window),
                Stage::Rows(splitter) => splitter.next(&mut self.window),
            };
            match split {
                Split::NeedMore => {
                    if !self.fill() {
                        return Step::NeedInput;
                    }
                }
                Split::Entry { offset, bytes } => self.entry(offset, bytes),
                Split::Malformed(malformed) => {
                    let offset = malformed.offset;
                    self.push(Element { offset, content: Content::Malformed(malformed) });
                }
                Split::End(ending) => self.end(ending),
            }
        }
    }

    /// Reads more bytes, or the end of the file, into the window. Returns `false` if the caller must feed more input.
    fn fill(&mut self) -> bool {
        match self.source.pull(self.window.room(), &self.limits) {
            Pull::Some => {}
            Pull::NeedInput => return false,
            Pull::End => self.window.at_end = true,
            Pull::Broken(why) => {
                self.broken = Some(why);
                self.window.at_end = true;
            }
            Pull::Rejected(rejection) => self.reject(rejection),
        }
        true
    }

    /// Detects the content from its beginning. `None` if it was detected.
    fn detect_content(&mut self) -> Option<Split> {
        match sniff::content(&mut self.window) {
            Detected::NeedMore => return Some(Split::NeedMore),
            Detected::Json => {
                self.stage = Stage::Json(JsonSplitter::new(self.limits.element_bytes_max));
            }
            Detected::Table(columns, first_row) => {
                self.stage = Stage::Rows(RowSplitter::new(first_row, columns, self.limits.element_bytes_max));
            }
            // The stream broke before its first byte: that is the more precise reason.
            Detected::Rejected(FileRejection::Empty) if self.broken.is_some() => {
                return Some(Split::End(Ending::Complete));
            }
            Detected::Rejected(rejection) => return Some(Split::End(Ending::Rejected(rejection))),
        }
        None
    }

    fn entry(&mut self, offset: u64, bytes: Bytes) {
        if self.format.is_none() {
            match self.judge(&bytes) {
                Verdict::Scan(format) => self.format = Some(format),
                Verdict::Rejected(rejection) => return self.reject(rejection),
                Verdict::Foreign(product) => {
                    self.foreign.get_or_insert_with(|| product.clone());
                    return self.buffer.push_foreign(offset, product);
                }
                Verdict::Nothing(why) => {
                    self.nothing.get_or_insert(why);
                }
            }
        }
        let content = match &self.stage {
            Stage::Rows(rows) => Content::Row { bytes, columns: Arc::clone(rows.columns()) },
            _ => {
                self.keys.learn(&bytes);
                let format = self.format.unwrap_or(ScanFormat::Ocsf);
                Content::Json { bytes, format, keys: self.keys.clone() }
            }
        };
        self.push(Element { offset, content });
        if let Some(format) = self.format {
            self.buffer.set_format(format);
        }
    }

    fn judge(&self, entry: &Bytes) -> Verdict {
        match &self.stage {
            Stage::Rows(rows) => judge_row(entry, rows.columns()),
            _ => judge(entry),
        }
    }

    /// Holds an element until the format is detected, and rejects the file if too many elements are inconclusive.
    fn push(&mut self, element: Element) {
        self.buffered_bytes += element.bytes_held();
        self.buffer.push(element);
        let too_many = self.buffer.own > UNDETECTED_ENTRIES_MAX || self.buffered_bytes > self.limits.element_bytes_max;
        if self.format.is_some() {
            self.buffered_bytes = 0;
        } else if too_many {
            self.reject_undetected();
        }
    }

    fn reject_undetected(&mut self) {
        if let Some(product) = self.foreign.take() {
            return self.reject(FileRejection::OtherProduct { product });
        }
        let why = self.nothing.take().unwrap_or_else(|| "none of them can be parsed".to_owned());
        self.reject(match self.stage {
            Stage::Rows(..) => FileRejection::NotProwlerTable { why },
            _ => FileRejection::NotProwler { why },
        });
    }

    fn reject(&mut self, rejection: FileRejection) {
        self.buffer.clear();
        self.done = Some(Ending::Rejected(rejection));
    }

    fn end(&mut self, ending: Ending) {
        if self.format.is_none() && (self.nothing.is_some() || self.foreign.is_some()) {
            return self.reject_undetected();
        }
        self.done = Some(match (ending, self.broken) {
            (Ending::Rejected(rejection), _) => Ending::Rejected(rejection),
            (_, Some(why)) => Ending::Truncated {
                offset: self.window.offset() + self.window.bytes().len() as u64,
                reason: why.to_owned(),
            },
            (ending, None) => ending,
        });
    }
}
