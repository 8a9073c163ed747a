//! The probe of connection checks: a finding that Security Hub can't store (decision 12; contract 1.10).

use exporter::connection::{PROBE_ID, write_probe_body};
use tokio::time::sleep;

use crate::check::{Check, Checked, Observation};
use crate::service::Call;
use crate::session::Session;
use crate::stop::Stop;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "write-probe",
    assumed: "an import of a finding that is invalid in every field returns InvalidInput, and the finding is not stored",
    used_by: "connection checks test the permission to import with such a finding",
    events_max: 1,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let target = &session.target;
    let body = write_probe_body(target.partition, target.account, target.region);
    let call = Call::Import(body);
    let action = call.action();
    let response = session.call(target.region, call).await?;
    if let Some(stop) = Stop::from_response(action, &response) {
        return Err(stop);
    }
    let code = response.body["FailedFindings"][0]["ErrorCode"].as_str().unwrap_or_default();
    let is_rejected = response.is_code("InvalidInput") || code.starts_with("InvalidInput");
    let text = format!("{}{}", response.text(), if code.is_empty() { String::new() } else { format!(", {code}") });
    if !is_rejected {
        return Ok(Observation::holds_if(false, text));
    }
    sleep(session.timing.settle.max(session.lag_max())).await;
    let is_stored = session.find(PROBE_ID).await?.is_some();
    let stored = if is_stored { "GetFindings returns it" } else { "not stored" };
    Ok(Observation::holds_if(!is_stored, format!("{text}, {stored}")))
}
