//! Reads scan files on this machine, as the export does, without calling AWS.

pub(crate) mod pipeline;
pub(crate) mod source;
pub(crate) mod summary;
pub(crate) mod verdict;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};

use self::pipeline::{Item, Progress};
use self::source::Source;
use self::summary::ScanSummary;
use crate::config::Style;
use crate::progress::Watch;
use crate::render::text;

/// Reads a scan, counts its entries, and passes every entry to `each`, which can stop the reading.
///
/// A progress bar is shown if `watcher` is a terminal.
pub(crate) fn summary(
    source: &Source,
    watcher: Style,
    mut each: impl FnMut(&Item) -> ControlFlow<()>,
) -> Result<ScanSummary> {
    let (file, bytes) = source.open()?;
    let mut summary = ScanSummary::new(source.name(), bytes);
    let connection_args = Arc::new(Progress::default());
    let seen = connection_args.clone();
    let watch = Watch::begin(watcher, bytes, move || {
        let entries = seen.entries.load(Ordering::Relaxed);
        (seen.bytes.load(Ordering::Relaxed), text::counted(entries, "finding", "findings"))
    });
    let finished = pipeline::read(file, &connection_args, |item| {
        summary.take(&item);
        each(&item)
    })
    .with_context(|| format!("failed to read {}", source.name()))?;
    drop(watch);
    summary.finish(finished);
    Ok(summary)
}
