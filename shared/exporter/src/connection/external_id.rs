//! Whether a role can be assumed without its External ID, and when that is tried.
//!
//! A correctly configured role denies this trial, and CloudTrail records an `AccessDenied` in the deployment's account,
//! which controls for unauthorized calls count. The trial is therefore made once a day and not at each check or export.

use asff::AccountId;
use jiff::{SignedDuration, Timestamp};

use super::identity::{EXTERNAL_ID_NOT_REQUIRED, external_id_not_required};
use super::model::{Connection, ExternalIdCheck};
use crate::model::integration::{Integration, Role};
use crate::model::problem::Problem;

/// Time between two trials: slightly less than a day, so that a daily schedule makes a trial at each check.
const INTERVAL: SignedDuration = SignedDuration::from_hours(23);

/// The result of a check.
#[derive(Clone, Debug)]
pub(super) enum ExternalId {
    /// The account is called without a role, or the role has no External ID.
    NotUsed,
    /// No trial was made, or STS did not respond: the result of an earlier check still applies.
    NotTried,
    /// A trial was made.
    Tried {
        /// The time of the trial, the role, and the External ID.
        check: ExternalIdCheck,
        /// Set if the role can be assumed without the External ID.
        risk: Option<Problem>,
    },
}

/// Whether a trial is due: the role or its External ID has changed since the last trial, the last trial was a day ago, or it
/// found a risk. A trial that isn't denied is not an unauthorized call, and a fix should be noticed at the next check.
pub(super) fn is_due(role: &Role, before: Option<&Connection>, now: Timestamp) -> bool {
    let Some((before, check)) = before.and_then(|before| Some((before, before.external_id_check.as_ref()?))) else {
        return true;
    };
    let is_same = check.role == role.arn && role.external_id.as_ref() == Some(&check.external_id);
    !is_same || now.duration_since(check.checked_at) >= INTERVAL || before.risks.iter().any(is_risk)
}

impl ExternalId {
    /// The result of a trial. `opens` is `None` if no trial was made or STS did not respond.
    pub(super) fn from_trial(
        role: Option<Role>,
        opens: Option<bool>,
        account: AccountId,
        integration: &Integration,
        caller: &str,
        now: Timestamp,
    ) -> Self {
        let Some(Role { arn, external_id: Some(external_id), .. }) = role else { return Self::NotUsed };
        let Some(opens) = opens else { return Self::NotTried };
        let risk = opens.then(|| external_id_not_required(account, integration, caller));
        Self::Tried { check: ExternalIdCheck { checked_at: now, role: arn, external_id }, risk }
    }

    /// The newest trial and its risk, including those of earlier checks.
    pub(super) fn conclude(self, before: Option<&Connection>) -> (Option<ExternalIdCheck>, Vec<Problem>) {
        match self {
            Self::NotUsed => (None, Vec::new()),
            Self::Tried { check, risk } => (Some(check), risk.into_iter().collect()),
            Self::NotTried => {
                let known = before.into_iter().flat_map(|before| &before.risks);
                let risks = known.filter(|risk| is_risk(risk)).cloned().collect();
                (before.and_then(|before| before.external_id_check.clone()), risks)
            }
        }
    }
}

fn is_risk(problem: &Problem) -> bool {
    problem.reason == EXTERNAL_ID_NOT_REQUIRED
}
