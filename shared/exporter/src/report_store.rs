//! A run's report in the state bucket.

use bytes::Bytes;
use futures::TryStreamExt;

use crate::ports::{ObjectWriter, Objects, PortError, PutMode};
use crate::report::RunReport;

/// Writes a run's whole report.
pub(crate) async fn save_report(ports: &impl Objects, run: &RunReport) -> Result<(), PortError> {
    let key = RunReport::key(&run.run_id);
    let failed = |message: String| PortError { action: format!("write {key}"), message };
    let report = serde_json::to_vec_pretty(run).map_err(|error| failed(error.to_string()))?;
    let mut object = ports.create(&key, PutMode::Overwrite).await?;
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
    let key = RunReport::key(run_id);
    let failed = |message: String| PortError { action: format!("read {key}"), message };
    let Some(object) = ports.object(&key).await? else { return Ok(None) };
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
