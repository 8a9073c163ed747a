//! A run's quarantine, read as a stream of lines, an entry each, so that its size does not matter.

use bytes::Bytes;

use super::Entry;
use crate::line_reader::LineReader;
use crate::ports::{Objects, PortError};
use crate::report::RunReport;

/// Bytes of a line at most: an element of 4 MB with every character escaped, and room for the reason.
const LINE_BYTES_MAX: usize = 32 << 20;

/// The lines of a quarantine object.
pub struct EntryReader {
    pub(crate) etag: String,
    lines: LineReader,
}

impl EntryReader {
    /// Opens what a run left in quarantine, if it left anything.
    ///
    /// # Errors
    ///
    /// When the state bucket does not answer.
    pub async fn open(ports: &impl Objects, run_id: &str) -> Result<Option<Self>, PortError> {
        let key = RunReport::quarantine_key(run_id);
        let object = ports.object(&key).await?;
        Ok(object.map(|object| Self { etag: object.etag.clone(), lines: LineReader::new(key, object, LINE_BYTES_MAX) }))
    }

    /// The next entry and its line, or none after the last one.
    ///
    /// # Errors
    ///
    /// When it can't be read on, or a line is no entry.
    pub async fn next(&mut self) -> Result<Option<(Entry, Bytes)>, PortError> {
        let Some(line) = self.lines.next().await? else { return Ok(None) };
        let entry = serde_json::from_slice(&line).map_err(|error| self.lines.failed(&error))?;
        Ok(Some((entry, line)))
    }
}
