//! Makes all checks, one after another.

use jiff::Timestamp;

use crate::check::{Check, Checked, Observation, Reason, Verdict};
use crate::checks::{ALL, UNOBSERVABLE};
use crate::preflight::preflight;
use crate::report::{CheckResult, Report};
use crate::session::Session;
use crate::stop::Stop;

/// Maximum number of ingestion events of the clean-up: two checks have active findings.
const CLEAN_UP_EVENTS_MAX: u64 = 4;

/// Maximum number of ingestion events of a run, even if no assumption
/// holds. The clean-up of a service that doesn't archive may exceed it.
pub fn events_max() -> u64 {
    ALL.iter().map(|check| check.events_max).sum::<u64>() + CLEAN_UP_EVENTS_MAX
}

/// Makes the checks. `progress` is called after each check with its number, the number of checks, its name, and its verdict.
///
/// The caller must call [`clean_up`](crate::clean_up()) afterward, even if this future is dropped.
///
/// # Errors
///
/// If the run is not possible. Then nothing was imported.
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
        // The exporter assumes that the findings of the check are accepted.
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
