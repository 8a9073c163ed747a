//! Reads scan files on this machine, as the export does, without talking to AWS.

pub(crate) mod pipeline;
pub(crate) mod source;
pub(crate) mod survey;
pub(crate) mod verdict;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};

use self::pipeline::{Item, Reach};
use self::source::Source;
use self::survey::Survey;
use crate::config::Style;
use crate::progress::Watch;
use crate::render::text;

/// Reads a scan, counts what is in it, and shows every entry to `each`, which may end the reading.
///
/// Progress is shown where `watcher` is a terminal.
pub(crate) fn survey(
    source: &Source,
    watcher: Style,
    mut each: impl FnMut(&Item) -> ControlFlow<()>,
) -> Result<Survey> {
    let (file, bytes) = source.open()?;
    let mut survey = Survey::new(source.name(), bytes);
    let reach = Arc::new(Reach::default());
    let seen = reach.clone();
    let watch = Watch::begin(watcher, bytes, move || {
        let entries = seen.entries.load(Ordering::Relaxed);
        (seen.bytes.load(Ordering::Relaxed), text::counted(entries, "finding", "findings"))
    });
    let finished = pipeline::read(file, &reach, |item| {
        survey.take(&item);
        each(&item)
    })
    .with_context(|| format!("failed to read {}", source.name()))?;
    drop(watch);
    survey.finish(finished);
    Ok(survey)
}
