//! Stores run reports in the state bucket.

use bytes::Bytes;
use futures::TryStreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::{ObjectWriter, Objects, PortError, PutMode};
use crate::report::RunReport;

/// Writes a run's complete report.
pub(crate) async fn save_report(ports: &impl Objects, run: &RunReport) -> Result<(), PortError> {
    save_json(ports, &RunReport::key(&run.run_id), run).await
}

/// Writes a value as JSON and overwrites an existing object.
pub(crate) async fn save_json(ports: &impl Objects, key: &str, value: &impl Serialize) -> Result<(), PortError> {
    let failed = |message: String| PortError { action: format!("write {key}"), message };
    let report = serde_json::to_vec_pretty(value).map_err(|error| failed(error.to_string()))?;
    let mut object = ports.create(key, PutMode::Overwrite).await?;
    object.write(Bytes::from(report)).await?;
    object.finish().await
}

/// Maximum size of a report in bytes. A report about a thousand accounts in thirty Regions has about ten million.
const REPORT_BYTES_MAX: usize = 64 << 20;

/// Reads a run's complete report. `None` if the run did not complete, or if its report has expired.
///
/// # Errors
///
/// If the state bucket does not respond, or if the object is not a report.
pub async fn read_report(ports: &impl Objects, run_id: &str) -> Result<Option<RunReport>, PortError> {
    read_json(ports, &RunReport::key(run_id)).await
}

/// Reads a value that [`save_json`] wrote. `None` if the object doesn't exist.
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
