//! The format of a product subscription (contract 2.1, 2.3).

use asff::RegionName;

use crate::check::{Check, Checked, Observation};
use crate::service::Call;
use crate::session::Session;
use crate::stop::Stop;
use crate::target::Target;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "product-subscription",
    assumed: "ListEnabledProductsForImport returns arn:PARTITION:securityhub:REGION:ACCOUNT:product-subscription/prowler/prowler on one of its pages",
    used_by: "connection checks and exports compare this ARN to decide whether a Region accepts findings",
    events_max: 0,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let Target { account, partition, region } = session.target;
    let expected = format!("arn:{partition}:securityhub:{region}:{account}:product-subscription/prowler/prowler");
    let found = subscriptions(session, region).await?;
    let similar: Vec<&String> = found.iter().filter(|arn| arn.to_lowercase().contains("prowler")).collect();
    let observed = match similar.as_slice() {
        [] => format!("{} subscriptions, none of Prowler, although the import is accepted", found.len()),
        [arn] => (*arn).clone(),
        _ => format!("{similar:?}"),
    };
    Ok(Observation::holds_if(found.contains(&expected), observed))
}

/// The ARNs of all product subscriptions in a Region.
///
/// # Errors
///
/// If a page can't be read.
pub(crate) async fn subscriptions(session: &Session<'_>, region: RegionName) -> Result<Vec<String>, Stop> {
    let (mut found, mut next) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let call = Call::ListProducts { next };
        let action = call.action();
        let response = session.call(region, call).await?;
        if let Some(stop) = Stop::from_response(action, &response) {
            return Err(stop);
        }
        let page = response.body["ProductSubscriptions"].as_array().into_iter().flatten();
        found.extend(page.filter_map(|arn| arn.as_str().map(str::to_owned)));
        next = response.body["NextToken"].as_str().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    Ok(found)
}

/// Maximum number of pages that are read.
const PAGES_MAX: usize = 100;
