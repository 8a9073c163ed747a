//! Whether the caller may import the findings of a batch: contract 1.10, 2.2, and section 9, steps 4 and 5.

use super::validate::Checked;
use crate::arn::{ProductArn, is_account_id, partition_of};
use crate::config::Deviation;
use crate::context::Context;
use crate::operation::Operation;
use crate::response::Response;

/// Step 4: every finding has an account ID of twelve digits and the ARN of a product.
pub(super) fn well_formed(context: &Context<'_>, checked: &[Checked<'_>]) -> Result<(), Response> {
    let fits = |checked: &Checked<'_>| {
        let account = checked.facts.account.as_deref().is_some_and(is_account_id);
        account && checked.facts.product_arn.as_deref().is_some_and(|arn| ProductArn::parse(arn).is_some())
    };
    if checked.iter().all(fits) {
        return Ok(());
    }
    let status = context.world.config.rules.authorizer_status;
    Err(Response::error(status, "AuthorizerConfigurationException", "Authorizer configuration error"))
}

/// Step 5: whether each finding is allowed. If one is not, the whole call is rejected, unless authorization is partial.
pub(super) fn allowed(context: &Context<'_>, checked: &[Checked<'_>]) -> Result<Vec<bool>, Response> {
    let product_arn = |checked: &Checked<'_>| checked.facts.product_arn.as_deref().unwrap_or_default().to_owned();
    if let Some(deny) = context.denied(Operation::BatchImportFindings)
        && let Some(first) = checked.first()
    {
        return Err(context.access_denied(&product_arn(first), &deny));
    }
    let allowed: Vec<bool> = checked.iter().map(|checked| is_allowed(context, checked)).collect();
    let guilty = checked.iter().zip(&allowed).find(|(_, allowed)| !**allowed);
    match guilty {
        Some((guilty, _)) if !context.world.config.rules.partial_auth => {
            Err(context.access_denied(&product_arn(guilty), ""))
        }
        _ => Ok(allowed),
    }
}

/// Whether the finding is of the caller's account, for this Region, and of an accepted product or of the account's default one.
fn is_allowed(context: &Context<'_>, checked: &Checked<'_>) -> bool {
    let own = checked.facts.account.as_deref() == Some(&context.caller.account)
        || context.deviates(Deviation::ForeignAccountAccepted);
    let Some(arn) = checked.facts.product_arn.as_deref().and_then(ProductArn::parse) else {
        return false;
    };
    let here = arn.region == context.region && arn.partition == partition_of(context.region)
        || context.deviates(Deviation::ForeignRegionAccepted);
    let default_slug = arn.slug.strip_suffix("/default") == Some(&context.caller.account);
    let is_default = default_slug && arn.account == context.caller.account;
    // The ARNs of the partner products that the simulator supports have no account ID, like Prowler's (contract 2.1).
    let accepted = arn.account.is_empty() && context.state().subscriptions.contains(arn.slug)
        || context.deviates(Deviation::ProductUnchecked);
    own && here && (is_default || accepted)
}
