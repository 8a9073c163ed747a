//! The largest body of an import (contract 1.1).

use exporter::model::settings::BATCH_BYTES_MAX;

use crate::check::{Check, Checked, Observation};
use crate::draft::Draft;
use crate::session::Session;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "body-size",
    assumed: "a call of 6,000,000 bytes is accepted, and one of more than 6 MB (6,291,456 bytes) is rejected",
    used_by: "the exporter fills calls up to 6,000,000 bytes",
    events_max: 55,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let accepted = session.import(&drafts(session, "largest", BATCH_BYTES_MAX)).await?;
    if !accepted.is_accepted(FINDINGS) {
        return Ok(Observation::holds_if(false, format!("6,000,000 bytes: {}", accepted.text())));
    }
    let rejected = session.import(&drafts(session, "larger", BODY_BYTES_MAX + EXCESS_BYTES)).await?;
    let observed = format!("6,000,000 bytes accepted; more than 6 MB: {}", rejected.text());
    Ok(Observation::holds_if(rejected.is_rejected(), observed))
}

/// Number of findings per call.
const FINDINGS: u64 = 27;
/// Maximum size of a body in bytes, as documented.
const BODY_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Number of bytes by which the rejected body is larger.
const EXCESS_BYTES: usize = 1_024;

/// Findings whose body has at most this number of bytes, and is at most a few bytes smaller.
fn drafts(session: &Session<'_>, name: &str, bytes: usize) -> Vec<Draft> {
    let frame = r#"{"Findings":[]}"#.len();
    let each = bytes.saturating_sub(frame) / usize::try_from(FINDINGS).unwrap_or(1) - ",".len();
    (0..FINDINGS).map(|number| session.draft(&format!("body-size/{name}/{number}")).filled(each)).collect()
}
