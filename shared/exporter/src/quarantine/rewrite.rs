//! Rewrites the quarantine of a run after some of its entries were sent again.

use std::collections::{BTreeMap, HashSet};

use bytes::{BufMut, Bytes, BytesMut};

use super::entries::EntryReader;
use crate::ports::report_store::save_report;
use crate::ports::{ObjectWriter, PortError, Ports, PutMode};
use crate::report::RunReport;
use crate::state::FindingKey;

/// Number of bytes that are buffered before they are written to the store.
const WRITE_BYTES: usize = 256 * 1024;

/// The result of sending an entry again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EntryOutcome {
    /// The entry stays in the quarantine.
    Unchanged,
    /// The entry is removed. If it failed again, its new entry is added.
    Completed,
    /// The entry is removed, unless one of these keys is among those that could not be sent: the key of its ID, or of its
    /// longer ID.
    Attempted([FindingKey; 2]),
}

/// A quarantine that is being rewritten.
struct Rewriter<W> {
    writer: W,
    pending: BytesMut,
    /// The number of entries by code.
    codes: BTreeMap<String, u64>,
}

impl<W: ObjectWriter> Rewriter<W> {
    async fn push(&mut self, code: String, line: &Bytes) -> Result<(), PortError> {
        *self.codes.entry(code).or_default() += 1;
        self.pending.put_slice(line);
        self.pending.put_u8(b'\n');
        if self.pending.len() >= WRITE_BYTES {
            self.writer.write(self.pending.split().freeze()).await?;
        }
        Ok(())
    }
}

/// Rewrites the quarantine of the run `earlier`, unless another process changed it: the entries that stay, followed by the
/// entries that failed again, which are in the quarantine of the run `failed_again`. Then saves the number of remaining
/// entries in the run's report.
pub(crate) async fn rewrite<P: Ports>(
    ports: &P,
    mut earlier: RunReport,
    etag: &str,
    outcomes: &[EntryOutcome],
    left: &HashSet<FindingKey>,
    failed_again: Option<&str>,
) -> Result<(), PortError> {
    let stays = |line: &EntryOutcome| match line {
        EntryOutcome::Unchanged => true,
        EntryOutcome::Completed => false,
        EntryOutcome::Attempted(keys) => keys.iter().any(|key| left.contains(key)),
    };
    if outcomes.iter().all(stays) {
        return Ok(());
    }
    let key = RunReport::quarantine_key(&earlier.run_id);
    let writer = ports.create(&key, PutMode::Update(etag.to_owned())).await?;
    let mut rewriter = Rewriter { writer, pending: BytesMut::new(), codes: BTreeMap::new() };
    if let Some(mut lines) = EntryReader::open(ports, &earlier.run_id).await? {
        let mut outcomes = outcomes.iter();
        while let Some((entry, line)) = lines.next().await? {
            if outcomes.next().is_none_or(stays) {
                rewriter.push(entry.code, &line).await?;
            }
        }
    }
    if let Some(run_id) = failed_again
        && let Some(mut lines) = EntryReader::open(ports, run_id).await?
    {
        while let Some((entry, line)) = lines.next().await? {
            rewriter.push(entry.code, &line).await?;
        }
    }
    if !rewriter.pending.is_empty() {
        rewriter.writer.write(rewriter.pending.freeze()).await?;
    }
    rewriter.writer.finish().await?;
    earlier.quarantine_remaining = Some(rewriter.codes);
    save_report(ports, &earlier).await?;
    ports.record(&earlier).await
}
