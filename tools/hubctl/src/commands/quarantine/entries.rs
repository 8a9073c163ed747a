//! Reads the entries of a run's quarantine.

use anyhow::Result;
pub(super) use exporter::quarantine::Entry;

use crate::client::read as read_entry;
use crate::client::{Management, segment};

/// The first entries of a run's quarantine, up to `limit`, numbered from 1.
pub(super) async fn read(management: &Management, run_id: &str, limit: usize) -> Result<Vec<(usize, Entry)>> {
    let found = management.list(&format!("/runs/{}/quarantine", segment(run_id)), limit).await?;
    found.iter().zip(1..).map(|(json, number)| Ok((number, read_entry(json)?))).collect()
}
