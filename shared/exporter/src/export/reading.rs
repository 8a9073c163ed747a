//! Reads a scan's stream element by element, in constant memory, until its end or until the time limit.

use asff::{Element, Ending, ReadLimits, ScanFormat, ScanReader, Step};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::{Instant, timeout_at};

use crate::progress::Progress;
use crate::report::ReadStatus;

/// The next item of a scan.
pub(crate) enum Read {
    /// An entry of the scan.
    Element(Element),
    /// The end of the scan, or of the time.
    End(ReadStatus),
    /// The connection to the source failed; a retry may succeed.
    Broken(std::io::Error),
}

/// A scan that is being read.
pub(crate) struct Reading<'a> {
    body: BoxStream<'static, std::io::Result<Bytes>>,
    reader: ScanReader,
    stop_at: Option<Instant>,
    progress: &'a Progress,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(
        body: BoxStream<'static, std::io::Result<Bytes>>,
        limits: ReadLimits,
        stop_at: Option<Instant>,
        progress: &'a Progress,
    ) -> Self {
        Self { body, reader: ScanReader::new(limits), stop_at, progress }
    }

    /// The scan's format, which is known before the first element.
    pub(crate) fn format(&self) -> Option<ScanFormat> {
        self.reader.format()
    }

    /// Whether the part of the file that was read shows where the file ends.
    pub(crate) fn has_end(&self) -> bool {
        self.reader.has_end()
    }

    pub(crate) async fn next(&mut self) -> Read {
        loop {
            match self.reader.next() {
                Step::Element(element) => {
                    self.progress.add_read(1);
                    return Read::Element(element);
                }
                Step::Done(ending) => return Read::End(read_status(ending)),
                Step::NeedInput => {}
            }
            if self.stop_at.is_some_and(|end| Instant::now() >= end) {
                return Read::End(ReadStatus::Stopped);
            }
            let chunk = match self.stop_at {
                None => self.body.next().await,
                Some(end) => match timeout_at(end, self.body.next()).await {
                    Ok(chunk) => chunk,
                    Err(_) => return Read::End(ReadStatus::Stopped),
                },
            };
            match chunk {
                Some(Ok(chunk)) => {
                    self.progress.add_bytes(chunk.len() as u64);
                    self.reader.feed(chunk);
                }
                Some(Err(error)) => return Read::Broken(error),
                None => self.reader.end_of_input(),
            }
        }
    }
}

fn read_status(ending: Ending) -> ReadStatus {
    match ending {
        Ending::Complete => ReadStatus::Complete,
        Ending::Truncated { offset, reason } => ReadStatus::Truncated { offset, reason },
        Ending::Rejected(rejection) => ReadStatus::Rejected { message: rejection.to_string() },
    }
}
