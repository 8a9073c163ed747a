//! The largest finding (contract 1.1).

use asff::limits::FINDING_BYTES_MAX;

use crate::check::{Check, Checked, Observation};
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "finding-size",
    assumed: "a finding of 245,760 bytes (240 KB) is accepted, and a larger one is rejected",
    used_by: "findings up to this size are sent, larger ones are quarantined",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let largest = session.draft("finding-size/largest").filled(FINDING_BYTES_MAX);
    let accepted = session.import(std::slice::from_ref(&largest)).await?;
    if !accepted.is_accepted(1) {
        return Ok(Observation::holds_if(false, format!("240 KB: {}", accepted.text())));
    }
    let larger = session.draft("finding-size/larger").filled(FINDING_BYTES_MAX + EXCESS_BYTES);
    let rejected = session.import(std::slice::from_ref(&larger)).await?;
    let observed = format!("240 KB accepted; {} bytes more: {}", EXCESS_BYTES, rejected.text());
    Ok(Observation::holds_if(rejected.is_rejected(), observed))
}

/// Number of bytes by which the rejected finding is larger.
const EXCESS_BYTES: usize = 1_024;
