//! A run's report in the state bucket.

use bytes::Bytes;
use futures::TryStreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::{ObjectWriter, Objects, PortError, PutMode};
use crate::report::RunReport;

/// Writes a run's whole report.
pub(crate) async fn save_report(ports: &impl Objects, run: &RunReport) -> Result<(), PortError> {
    save_json(ports, &RunReport::key(&run.run_id), run).await
}

/// Writes a value as JSON, over what is there.
pub(crate) async fn save_json(ports: &impl Objects, key: &str, value: &impl Serialize) -> Result<(), PortError> {
    let failed = |message: String| PortError { action: format!("write {key}"), message };
    let report = serde_json::to_vec_pretty(value).map_err(|error| failed(error.to_string()))?;
    let mut object = ports.create(key, PutMode::Overwrite).await?;
    object.write(Bytes::from(report)).await?;
    object.finish().await
}

/// Bytes of a report that is read at most. One of a thousand accounts in thirty Regions has some ten million.
const REPORT_BYTES_MAX: usize = 64 << 20;

/// A run's whole report. None, where it came to no end or is forgotten by now.
///
/// # Errors
///
/// When the state bucket does not answer, or the report is not one of ours.
pub async fn read_report(ports: &impl Objects, run_id: &str) -> Result<Option<RunReport>, PortError> {
    read_json(ports, &RunReport::key(run_id)).await
}

/// A value that [`save_json`] wrote. None, if there is none.
pub(crate) async fn read_json<T: DeserializeOwned>(ports: &impl Objects, key: &str) -> Result<Option<T>, PortError> {
    let failed = |message: String| PortError { action: format!("read {key}"), message };
    let Some(object) = ports.object(key).await? else { return Ok(None) };
    let mut body = object.body;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.try_next().await.map_err(|error| failed(error.to_string()))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > REPORT_BYTES_MAX {
            return Err(failed(format!("it has more than {REPORT_BYTES_MAX} bytes")));
        }
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(error.to_string()))
}
