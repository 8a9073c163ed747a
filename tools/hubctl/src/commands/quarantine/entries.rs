//! Looks through a run's quarantine, an entry at a time.

use anyhow::Result;
use exporter::mend::Lines;
pub(super) use exporter::quarantine::Entry;
use exporter::report::RunReport;

use crate::deployment::{Connected, port};

/// The first entries of a run's quarantine, `limit` of them at most, that `wanted` says yes to, with their numbers from 1.
pub(super) async fn read(
    connected: &Connected,
    run: &RunReport,
    limit: usize,
    wanted: impl Fn(usize, &Entry) -> bool,
) -> Result<Vec<(usize, Entry)>> {
    let mut found = Vec::new();
    if run.quarantine.is_none() {
        return Ok(found);
    }
    let lines = Lines::open(connected.cloud.as_ref(), &run.run_id).await.map_err(|error| port(&error))?;
    let Some(mut lines) = lines else { return Ok(found) };
    let mut number = 0;
    while found.len() < limit
        && let Some((entry, _)) = lines.next().await.map_err(|error| port(&error))?
    {
        number += 1;
        if wanted(number, &entry) {
            found.push((number, entry));
        }
    }
    Ok(found)
}
