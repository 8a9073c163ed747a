//! Reads a run's quarantine as a stream of lines, one entry each, so that its size does not matter.

use anyhow::Result;
use bytes::{Buf, BytesMut};
use exporter::ports::{Objects, PortError};
use exporter::report::RunReport;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::deployment::{Connected, port};

/// An entry, as the exporter writes it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Entry {
    /// Where it was found out: reading, mapping, delivery.
    pub(super) stage: String,
    pub(super) code: String,
    pub(super) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<u64>,
    /// As ASFF where it was mapped, otherwise as the file had it. Left out of lists.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) finding: Value,
}

/// The first entries of a run's quarantine, `limit` of them at most, that `wanted` says yes to, with their numbers from 1.
pub(super) async fn read(
    connected: &Connected,
    run: &RunReport,
    limit: usize,
    wanted: impl Fn(usize, &Entry) -> bool,
) -> Result<Vec<(usize, Entry)>> {
    let Some(key) = &run.quarantine else { return Ok(Vec::new()) };
    let failed = |message: String| port(&PortError { action: format!("read {}/{key}", connected.state()), message });
    let object = connected.cloud.object(key).await.map_err(|error| port(&error))?;
    let mut body = object.ok_or_else(|| failed("it is gone".to_owned()))?.body;
    let mut pending = BytesMut::new();
    let mut found = Vec::new();
    let mut number = 0;
    while let Some(chunk) = body.try_next().await.map_err(|error| failed(error.to_string()))? {
        pending.extend_from_slice(&chunk);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line = pending.split_to(end);
            pending.advance(1);
            let entry: Entry = serde_json::from_slice(&line).map_err(|error| failed(error.to_string()))?;
            number += 1;
            if wanted(number, &entry) {
                found.push((number, entry));
            }
            if found.len() == limit {
                return Ok(found);
            }
        }
    }
    Ok(found)
}
