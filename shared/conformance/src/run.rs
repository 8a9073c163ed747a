//! Makes all checks, one after the other.

use jiff::Timestamp;

use crate::check::{Check, Checked, Observation, Reason, Verdict};
use crate::checks::{ALL, UNOBSERVABLE};
use crate::preflight::preflight;
use crate::report::{CheckResult, Report};
use crate::session::Session;
use crate::stop::Stop;

/// Findings that the clean-up archives at most, beyond those of the checks: two checks have active findings.
const CLEAN_UP_EVENTS_MAX: u64 = 4;

/// Ingestion events of a run at most, even if no assumption holds, without the clean-up of a service that doesn't archive.
pub fn events_max() -> u64 {
    ALL.iter().map(|check| check.events_max).sum::<u64>() + CLEAN_UP_EVENTS_MAX
}

/// Makes the checks. `progress` is called after each: its number, their number, its name, and the verdict.
///
/// The caller calls [`clean_up`](crate::clean_up()) afterward, also if this future is dropped.
///
/// # Errors
///
/// If the run can't be made at all. Then nothing was imported.
pub async fn run(session: &Session<'_>, mut progress: impl FnMut(usize, usize, &str, Verdict)) -> Result<Report, Stop> {
    let started_at = Timestamp::now();
    preflight(session).await?;
    let mut results = Vec::new();
    for (index, check) in ALL.iter().enumerate() {
        let result = result(check, (check.run)(session).await, session);
        progress(index + 1, ALL.len(), check.id, result.verdict);
        results.push(result);
    }
    results.extend(UNOBSERVABLE.iter().map(|&(id, assumed, because)| CheckResult {
        id,
        assumed: assumed.to_owned(),
        used_by: "",
        observed: because.to_owned(),
        verdict: Verdict::NotChecked,
        reason: Some(Reason::NotObservable),
        remediation: None,
    }));
    Ok(Report::new(session, started_at, results))
}

fn result(check: &Check, checked: Checked, session: &Session<'_>) -> CheckResult {
    let (observation, remediation) = match checked {
        Ok(observation) => (observation, None),
        // The exporter assumes that such findings are accepted.
        Err(Stop::Rejected(text)) => (Observation::holds_if(false, format!("the import was rejected: {text}")), None),
        Err(stop) => {
            let is_denied = matches!(stop, Stop::Denied { .. } | Stop::Credentials(_));
            let reason = if is_denied { Reason::Denied } else { Reason::Failed };
            let remediation = stop.remediation(session.target.region.as_str());
            (Observation::not_checked(reason, stop.to_string()), remediation)
        }
    };
    CheckResult {
        id: check.id,
        assumed: check.assumed.to_owned(),
        used_by: check.used_by,
        observed: observation.observed,
        verdict: observation.verdict,
        reason: observation.reason,
        remediation,
    }
}
