//! The context of an operation, and the responses that several operations have in common.

use std::sync::MutexGuard;

use jiff::Timestamp;

use crate::arn::partition_of;
use crate::config::{Deny, Deviation};
use crate::faults::{CheckTarget, Effect};
use crate::findings::Write;
use crate::identity::Caller;
use crate::lock;
use crate::operation::Operation;
use crate::records::Imported;
use crate::response::Response;
use crate::world::{Region, RegionState, World};

/// A call that passed the shared steps.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    pub(crate) caller: &'a Caller,
    pub(crate) region: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) here: &'a Region,
}

impl Context<'_> {
    pub(crate) fn state(&self) -> MutexGuard<'_, RegionState> {
        self.here.state()
    }

    pub(crate) fn is_hub_on(&self) -> bool {
        self.state().hub.is_some()
    }

    pub(crate) fn is_offered(&self, slug: &str) -> bool {
        !self.here.not_offered.iter().any(|not| not == slug)
    }

    pub(crate) fn not_subscribed_text(&self) -> String {
        format!("Account {} is not subscribed to AWS Security Hub", self.caller.account)
    }

    /// The response if Security Hub is not enabled (contract 1.10).
    pub(crate) fn not_subscribed(&self) -> Response {
        Response::error(401, "InvalidAccessException", &self.not_subscribed_text())
    }

    /// The end of the message of a denial, if a policy denies the operation.
    pub(crate) fn denied(&self, operation: Operation) -> Option<String> {
        let account = self.world.accounts.get(&self.caller.account)?;
        account.config.denies.iter().find_map(|deny| denial(deny, &operation.action(), self.region, &self.caller.arn))
    }

    /// The response to an import that is not authorized (contract 1.10: the text of the real service).
    pub(crate) fn access_denied(&self, resource: &str, ending: &str) -> Response {
        self.refuse(Operation::BatchImportFindings, resource, ending)
    }

    pub(crate) fn refuse(&self, operation: Operation, resource: &str, ending: &str) -> Response {
        let (arn, action) = (&self.caller.arn, operation.action());
        let message = format!("User: {arn} is not authorized to perform: {action} on resource: {resource}{ending}");
        Response::error(403, "AccessDeniedException", &message)
    }

    /// Effects of the faults that select findings by their Id.
    pub(crate) fn finding_effects(&self, ids: &[&str]) -> Vec<Effect> {
        let account = Some(self.caller.account.as_str());
        let target = CheckTarget { operation: Operation::BatchImportFindings, account, region: self.region };
        lock(&self.world.faults).hit(&target, ids)
    }

    pub(crate) fn announce(&self, id: &str, write: Write) {
        lock(&self.world.records).announce(Imported {
            at: self.now,
            account: self.caller.account.clone(),
            region: self.region.to_owned(),
            id: id.to_owned(),
            write,
        });
    }

    /// Whether this world intentionally breaks a rule.
    pub(crate) fn deviates(&self, deviation: Deviation) -> bool {
        self.world.config.rules.deviates(deviation)
    }

    pub(crate) fn partition(&self) -> &'static str {
        partition_of(self.region)
    }
}

/// The end of the message of a denial, if the policy applies to the call.
pub(crate) fn denial(deny: &Deny, action: &str, region: &str, caller: &str) -> Option<String> {
    let service = action.split(':').next().unwrap_or_default();
    let covers = deny.action == action || deny.action == "*" || deny.action == format!("{service}:*");
    let here = deny.regions.is_empty() || deny.regions.iter().any(|name| name == region);
    let theirs = deny.caller.as_deref().is_none_or(|prefix| caller.starts_with(prefix));
    let ending = match (&deny.policy, deny.explicit) {
        (_, false) => String::new(),
        (None, true) => " with an explicit deny".to_owned(),
        (Some(policy), true) => format!(" with an explicit deny in a {policy}"),
    };
    (covers && here && theirs).then_some(ending)
}
