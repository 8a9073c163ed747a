//! Reads a run's quarantine as a stream, one entry per line, in constant memory.

use bytes::Bytes;

use super::Entry;
use crate::lines::reader::LineReader;
use crate::ports::{Objects, PortError};
use crate::report::RunReport;

/// Maximum size of a line in bytes: an element of 4 MB with every character escaped, and the reason.
const LINE_BYTES_MAX: usize = 32 << 20;

/// The lines of a quarantine object.
pub struct EntryReader {
    pub(crate) etag: String,
    lines: LineReader,
}

impl EntryReader {
    /// Opens the quarantine of a run. `None` if the run has none.
    ///
    /// # Errors
    ///
    /// If the state bucket does not respond.
    pub async fn open(ports: &impl Objects, run_id: &str) -> Result<Option<Self>, PortError> {
        let key = RunReport::quarantine_key(run_id);
        let object = ports.object(&key).await?;
        Ok(object.map(|object| Self { etag: object.etag.clone(), lines: LineReader::new(key, object, LINE_BYTES_MAX) }))
    }

    /// The next entry and its line. `None` after the last one.
    ///
    /// # Errors
    ///
    /// If the object can't be read further, or a line is not an entry.
    pub async fn next(&mut self) -> Result<Option<(Entry, Bytes)>, PortError> {
        let Some(line) = self.lines.next().await? else { return Ok(None) };
        let entry = serde_json::from_slice(&line).map_err(|error| self.lines.failed(&error))?;
        Ok(Some((entry, line)))
    }
}
