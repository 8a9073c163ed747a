//! BatchImportFindings: the straight line of contract section 9, steps 3 to 10.
//!
//! Steps 1 and 2 (token, opt-in, rate) are the same for every operation and are done by the caller, `simulator::call`.

pub(crate) mod auth;
pub(crate) mod facts;
pub(crate) mod instant;
pub(crate) mod schema;
pub(crate) mod shapes;
pub(crate) mod upsert;
pub(crate) mod validate;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::config::HubOffImport;
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

/// A finding that is not taken, as the answer names it.
struct Failed<'a> {
    id: &'a str,
    code: &'a str,
    message: String,
}

/// Takes a batch in, or says why not.
pub(crate) fn import(context: &Context<'_>, body: &[u8]) -> Done {
    let rules = &context.world.config.rules;
    if body.len() > IMPORT_BYTES_MAX {
        let response =
            Response::error(rules.oversized_body_status, "InvalidInputException", "Request body is too large");
        return response.into();
    }
    let raw = match read(body) {
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
        match refusal(checked, allowed, &effects) {
            Some(refused) => failed.push(refused),
            None => good.push((&checked.facts, raw.get())),
        }
    }
    let tally = commit(context, &good, &effects, Tally::of(&ids, failed.len()));
    answer(&failed, good.len(), tally)
}

/// Step 3: the list must be there and hold 1 to 100 objects.
fn read(body: &[u8]) -> Result<Vec<&RawValue>, String> {
    let request: Request<'_> = serde_json::from_slice(body).map_err(|_| "Invalid request body".to_owned())?;
    let count = request.findings.len();
    if count == 0 || count > IMPORT_FINDINGS_MAX {
        return Err(format!(
            "Invalid parameter 'Findings'. Number of findings must be between 1 and {IMPORT_FINDINGS_MAX}, got {count}"
        ));
    }
    Ok(request.findings)
}

/// Step 6: the hub is off; the two forms of the contract and the one from the field.
fn hub_off(context: &Context<'_>, checked: &[Checked<'_>]) -> Option<Response> {
    if context.is_hub_on() {
        return None;
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

/// Why one finding is not taken: permission, a fault, size, format.
fn refusal<'a>(checked: &'a Checked<'_>, allowed: bool, effects: &'a [Effect]) -> Option<Failed<'a>> {
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
    checked.refusal().map(|message| Failed { id, code: "InvalidInput", message })
}

/// Steps 8 and 9: upsert, bill, announce.
fn commit(context: &Context<'_>, good: &[(&Facts<'_>, &str)], effects: &[Effect], mut tally: Tally) -> Tally {
    let rules = &context.world.config.rules;
    let lag_ms = effects.iter().fold(rules.consistency_lag_ms, |lag, effect| match effect {
        Effect::StaleReads { lag_ms } => lag.max(*lag_ms),
        _ => lag,
    });
    let mut state = context.state();
    for &(facts, raw) in good {
        let written = upsert::upsert(&mut state.findings, facts, raw, context.now, lag_ms);
        tally.count(written);
        if written != Write::Ignored || rules.ignored_updates_billed {
            state.billed_events += 1;
            context.announce(facts.id(), written);
        }
    }
    state.totals.add(&tally);
    tally
}

/// Step 10: 200 with the counts, even where every finding failed (contract 1.1).
fn answer(failed: &[Failed<'_>], succeeded: usize, tally: Tally) -> Done {
    let entries: Vec<_> = failed
        .iter()
        .map(|failed| json!({ "Id": failed.id, "ErrorCode": failed.code, "ErrorMessage": failed.message }))
        .collect();
    let body = json!({ "FailedCount": failed.len(), "SuccessCount": succeeded, "FailedFindings": entries });
    Done { response: Response::ok(&body), tally }
}
