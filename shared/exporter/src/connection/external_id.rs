//! Whether a role can be assumed without its External ID, and when that is tried.
//!
//! A role that is as it should be denies the trial, and CloudTrail records an `AccessDenied` in the deployment's account: what
//! controls for unauthorized calls count. So it is tried once a day, and not at each check or export.

use asff::AccountId;
use jiff::{SignedDuration, Timestamp};

use super::identity::{EXTERNAL_ID_NOT_REQUIRED, external_id_not_required};
use super::model::{Connection, ExternalIdCheck};
use crate::integration::{Integration, Role};
use crate::problem::Problem;

/// Time between two trials: a little less than a day, so that a schedule of a day tries at each check.
const INTERVAL: SignedDuration = SignedDuration::from_hours(23);

/// What a check found.
#[derive(Clone, Debug)]
pub(super) enum ExternalId {
    /// There is no role, or it has no External ID.
    NotUsed,
    /// It was not tried, or STS did not answer: what an earlier check found still counts.
    NotTried,
    /// It was tried.
    Tried {
        /// When, and which.
        check: ExternalIdCheck,
        /// The role can be assumed without it.
        risk: Option<Problem>,
    },
}

/// Whether a trial is due: the role or its External ID is another one than at the trial before, that was a day ago, or it
/// found a risk. What is not denied is no unauthorized call, and a fix should be seen at the next check.
pub(super) fn is_due(role: &Role, before: Option<&Connection>, now: Timestamp) -> bool {
    let Some((before, check)) = before.and_then(|before| Some((before, before.external_id_check.as_ref()?))) else {
        return true;
    };
    let is_same = check.role == role.arn && role.external_id.as_ref() == Some(&check.external_id);
    !is_same || now.duration_since(check.checked_at) >= INTERVAL || before.risks.iter().any(is_risk)
}

impl ExternalId {
    /// What a trial came to. `opens`: none, if there was no trial or no answer.
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

    /// The newest trial and its risk, considering what was known before.
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
