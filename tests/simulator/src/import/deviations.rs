//! The behavior of imports in a world that intentionally breaks a rule.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::Failed;
use super::facts::Facts;
use crate::config::{Deviation, Rules};
use crate::findings::{RecordState, Stored, Workflow};
use crate::response::Response;

/// Time until slow reads show an import, in milliseconds.
pub(super) const SLOW_MS: u64 = 10 * 60 * 1_000;
/// Maximum distance of `UpdatedAt` in the future and in the past, in hours.
const FUTURE_HOURS: i64 = 1;
const PAST_HOURS: i64 = 90 * 24;

type Good<'a> = Vec<(&'a Facts<'a>, &'a str)>;

/// The findings of a call without those whose Id occurs earlier in the call.
pub(super) fn without_duplicates<'a>(good: Good<'a>, failed: &mut Vec<Failed<'a>>, rules: &Rules) -> Good<'a> {
    let rejected = rules.deviates(Deviation::DuplicatesRejected);
    if !rejected {
        return good;
    }
    let mut seen = BTreeSet::new();
    let (first, second): (Good<'a>, Good<'a>) = good.into_iter().partition(|(facts, _)| seen.insert(facts.id()));
    failed.extend(second.iter().map(|(facts, _)| Failed::new(facts.id(), "InvalidInput", "Duplicate finding")));
    first
}

/// The response with a `FailedCount` of 0.
pub(super) fn without_failed_count(response: &Response) -> Response {
    let mut body = response.json();
    body["FailedCount"] = 0.into();
    Response::ok(&body)
}

/// Why an `UpdatedAt` is rejected.
pub(super) fn bound(facts: &Facts<'_>, now: Timestamp, rules: &Rules) -> Option<&'static str> {
    let age = now.duration_since(facts.updated_at?);
    let is_future = rules.deviates(Deviation::FutureRejected) && age < SignedDuration::from_hours(-FUTURE_HOURS);
    let is_past = rules.deviates(Deviation::PastRejected) && age > SignedDuration::from_hours(PAST_HOURS);
    (is_future || is_past).then_some("data.UpdatedAt is out of bounds")
}

/// Whether an update is ignored.
pub(super) fn is_ignored(existing: &Stored, fresh: &Stored, rules: &Rules) -> bool {
    let (old, new) = (existing.updated_at, fresh.updated_at);
    match rules {
        _ if rules.deviates(Deviation::UpdatedAtBySecond) => new.as_second() <= old.as_second(),
        _ if rules.deviates(Deviation::EqualUpdateApplied) => new < old,
        _ if rules.deviates(Deviation::OlderUpdateApplied) => new == old,
        _ => new <= old,
    }
}

/// Changes the result of an update.
pub(super) fn distort(next: &mut Stored, existing: &Stored, fresh: &Stored, created_at: Option<&str>, rules: &Rules) {
    let reactivated = existing.record_state == RecordState::Archived && next.record_state == RecordState::Active;
    let archived = existing.record_state == RecordState::Active && next.record_state == RecordState::Archived;
    for deviation in &rules.deviations {
        match deviation {
            Deviation::CreatedAtReplaced => next.created_at = created_at.unwrap_or_default().into(),
            Deviation::FirstObservedAtKept => {
                rewrite(next, existing, |name, _| name == "FirstObservedAt");
            }
            Deviation::UpdateMerges => rewrite(next, existing, |name, next| !next.contains_key(name)),
            Deviation::WorkflowReplaced if fresh.workflow != existing.workflow => next.workflow = fresh.workflow,
            Deviation::WorkflowNotReset => next.workflow = existing.workflow,
            Deviation::SuppressedReset if reactivated && existing.workflow == Workflow::Suppressed => {
                next.workflow = Workflow::New;
            }
            Deviation::ReactivationIgnored if reactivated => next.record_state = RecordState::Archived,
            Deviation::ArchiveIgnored if archived => next.record_state = RecordState::Active,
            _ => {}
        }
    }
}

/// Copies fields of the previous version.
fn rewrite(next: &mut Stored, existing: &Stored, is_kept: impl Fn(&str, &Map<String, Value>) -> bool) {
    let read = |stored: &Stored| serde_json::from_str::<Map<String, Value>>(&stored.raw).unwrap_or_default();
    let mut fields = read(next);
    for (name, value) in read(existing) {
        if is_kept(&name, &fields) {
            fields.insert(name, value);
        }
    }
    next.raw = Value::Object(fields).to_string().into();
}
