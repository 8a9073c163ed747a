//! BatchImportFindings: steps 3 to 10 of contract section 9.
//!
//! Steps 1 and 2 (token, opt-in, rate) are the same for every operation and are performed by `simulator::call`.

pub(crate) mod auth;
mod deviations;
pub(crate) mod facts;
pub(crate) mod instant;
pub(crate) mod schema;
pub(crate) mod shapes;
pub(crate) mod upsert;
pub(crate) mod validate;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::config::{Deviation, HubOffImport, Rules};
use crate::context::Context;
use crate::done::Done;
use crate::faults::Effect;
use crate::findings::Write;
use crate::limits::{IMPORT_BYTES_MAX, IMPORT_FINDINGS_MAX};
use crate::records::Tally;
use crate::response::Response;
use facts::Facts;
use validate::Checked;

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(rename = "Findings", borrow, default)]
    findings: Vec<&'a RawValue>,
}

/// A finding that is not imported, as the response contains it.
struct Failed<'a> {
    id: &'a str,
    code: &'a str,
    message: String,
}

impl<'a> Failed<'a> {
    fn new(id: &'a str, code: &'a str, message: &str) -> Self {
        Self { id, code, message: message.to_owned() }
    }
}

/// Imports a batch, or returns why not.
pub(crate) fn import(context: &Context<'_>, body: &[u8]) -> Done {
    let rules = &context.world.config.rules;
    if body.len() > body_bytes_max(rules) {
        let response =
            Response::error(rules.oversized_body_status, "InvalidInputException", "Request body is too large");
        return response.into();
    }
    let raw = match read(body, rules) {
        Ok(raw) => raw,
        Err(message) => return Response::invalid_input(&message).into(),
    };
    let checked: Vec<Checked<'_>> = raw.iter().map(|raw| validate::check(raw.get(), rules)).collect();
    let ids: Vec<&str> = checked.iter().map(|checked| checked.facts.id()).collect();

    if let Err(response) = auth::well_formed(context, &checked) {
        return response.into();
    }
    let allowed = match auth::allowed(context, &checked) {
        Ok(allowed) => allowed,
        Err(response) => return response.into(),
    };
    if raw.is_empty() {
        return answer(&[], 0, Tally::default());
    }
    if let Some(response) = hub_off(context, &checked) {
        return response.into();
    }
    let effects = context.finding_effects(&ids);
    if effects.iter().any(|effect| matches!(effect, Effect::RefuseBatch { .. })) {
        return Response::invalid_input("Invalid parameter 'Findings'").into();
    }

    let mut failed: Vec<Failed<'_>> = Vec::new();
    let mut good: Vec<(&Facts<'_>, &str)> = Vec::with_capacity(checked.len());
    for ((checked, raw), allowed) in checked.iter().zip(&raw).zip(allowed) {
        match refusal(context, checked, allowed, &effects) {
            Some(refused) => failed.push(refused),
            None => good.push((&checked.facts, raw.get())),
        }
    }
    if !failed.is_empty() && rules.deviates(Deviation::PartialBatchRejected) {
        return Response::invalid_input("Invalid parameter 'Findings'").into();
    }
    let good = deviations::without_duplicates(good, &mut failed, rules);
    let tally = commit(context, &good, &effects, Tally::of(&ids, failed.len()));
    let accepted = good.len();
    if rules.deviates(Deviation::IgnoredUpdateFails) && tally.ignored > 0 {
        let ignored = good.iter().map(|(facts, _)| Failed::new(facts.id(), "InvalidInput", "The update is not newer"));
        failed.extend(ignored);
        return answer(&failed, 0, tally);
    }
    let mut done = answer(&failed, accepted, tally);
    if rules.deviates(Deviation::CountsWrong) {
        done.response = deviations::without_failed_count(&done.response);
    }
    done
}

/// Maximum size of a body, in bytes.
fn body_bytes_max(rules: &Rules) -> usize {
    match rules {
        _ if rules.deviates(Deviation::BodyLimitLower) => IMPORT_BYTES_MAX / 6 * 5,
        _ if rules.deviates(Deviation::BodySizeUnlimited) => usize::MAX,
        _ => IMPORT_BYTES_MAX,
    }
}

/// Minimum and maximum number of findings of a call.
fn findings_bounds(rules: &Rules) -> (usize, usize) {
    let min = usize::from(!rules.deviates(Deviation::EmptyBatchAccepted));
    match rules {
        _ if rules.deviates(Deviation::BatchOf100Rejected) => (min, IMPORT_FINDINGS_MAX - 1),
        _ if rules.deviates(Deviation::BatchOf101Accepted) => (min, usize::MAX),
        _ => (min, IMPORT_FINDINGS_MAX),
    }
}

/// Step 3: the list must exist and contain 1 to 100 objects.
fn read<'a>(body: &'a [u8], rules: &Rules) -> Result<Vec<&'a RawValue>, String> {
    let request: Request<'_> = serde_json::from_slice(body).map_err(|_| "Invalid request body".to_owned())?;
    let count = request.findings.len();
    let (min, max) = findings_bounds(rules);
    if count < min || count > max {
        return Err(format!(
            "Invalid parameter 'Findings'. Number of findings must be between {min} and {max}, got {count}"
        ));
    }
    Ok(request.findings)
}

/// Step 6: Security Hub is not enabled. The response has one of the two forms of the contract or the one that was observed.
fn hub_off(context: &Context<'_>, checked: &[Checked<'_>]) -> Option<Response> {
    if context.is_hub_on() {
        return None;
    }
    if context.deviates(Deviation::HubDisabledAsInvalid) {
        return Some(Response::invalid_input("Invalid parameter 'Findings'"));
    }
    let response = match context.world.config.rules.hub_off_import {
        HubOffImport::InvalidAccess => context.not_subscribed(),
        HubOffImport::AccessDenied => {
            let arn = checked.first().and_then(|checked| checked.facts.product_arn.as_deref()).unwrap_or_default();
            context.access_denied(arn, "")
        }
        HubOffImport::FailedFindings => {
            let message = context.not_subscribed_text();
            let failed: Vec<Failed<'_>> = checked
                .iter()
                .map(|checked| Failed { id: checked.facts.id(), code: "InvalidAccess", message: message.clone() })
                .collect();
            answer(&failed, 0, Tally::default()).response
        }
    };
    Some(response)
}

/// Why one finding is not imported: permission, a fault, size, format.
fn refusal<'a>(
    context: &Context<'_>,
    checked: &'a Checked<'_>,
    allowed: bool,
    effects: &'a [Effect],
) -> Option<Failed<'a>> {
    let id = checked.facts.id();
    if !allowed {
        let message = "The account is not authorized to import the finding".to_owned();
        return Some(Failed { id, code: "InvalidAccess", message });
    }
    for effect in effects {
        if let Effect::FailFindings { id_contains, code, message } = effect
            && id.contains(id_contains.as_str())
        {
            return Some(Failed { id, code, message: message.clone() });
        }
    }
    if let Some(message) = deviations::bound(&checked.facts, context.now, &context.world.config.rules) {
        return Some(Failed::new(id, "InvalidInput", message));
    }
    checked.refusal().map(|message| Failed { id, code: "InvalidInput", message })
}

/// Steps 8 and 9: creates or updates the findings, bills them, and publishes events.
fn commit(context: &Context<'_>, good: &[(&Facts<'_>, &str)], effects: &[Effect], mut tally: Tally) -> Tally {
    let rules = &context.world.config.rules;
    let lag_ms = effects.iter().fold(rules.consistency_lag_ms, |lag, effect| match effect {
        Effect::StaleReads { lag_ms } => lag.max(*lag_ms),
        _ => lag,
    });
    let lag_ms = if context.deviates(Deviation::SlowReads) { deviations::SLOW_MS } else { lag_ms };
    let mut state = context.state();
    let mut first = BTreeSet::new();
    for &(facts, raw) in good {
        if rules.deviates(Deviation::FirstDuplicateStored) && !first.insert(facts.id()) {
            continue;
        }
        let written = upsert::upsert(&mut state.findings, facts, raw, context.now, lag_ms, rules);
        tally.count(written);
        if written != Write::Ignored || rules.ignored_updates_billed {
            state.billed_events += 1;
            context.announce(facts.id(), written);
        }
    }
    state.totals.add(&tally);
    tally
}

/// Step 10: status 200 with the counts, even if every finding failed (contract 1.1).
fn answer(failed: &[Failed<'_>], succeeded: usize, tally: Tally) -> Done {
    let entries: Vec<_> = failed
        .iter()
        .map(|failed| json!({ "Id": failed.id, "ErrorCode": failed.code, "ErrorMessage": failed.message }))
        .collect();
    let body = json!({ "FailedCount": failed.len(), "SuccessCount": succeeded, "FailedFindings": entries });
    Done { response: Response::ok(&body), tally }
}
