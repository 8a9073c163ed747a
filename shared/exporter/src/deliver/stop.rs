//! Why a Region gets no more findings in this run, decoded from the service's answer, with how to fix it.

use asff::{Partition, RegionName};

use crate::ports::{CallError, Hub, HubState};
use crate::report::{Unavailable, undelivered};

/// The end of a Region's delivery before its last finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The Region does not take findings. Trying again does not help before somebody fixes it.
    Unavailable(Unavailable),
    /// Something passing, by its name in [`undelivered`](crate::report::undelivered). A later run may succeed.
    Undelivered(&'static str),
}

/// Says why a Region refused a call. Asks the hub once where the refusal alone does not tell: Security Hub gives the
/// same `AccessDeniedException` for a product that is not accepted and for a missing permission.
pub(crate) async fn explain(
    hub: &impl Hub,
    partition: Partition,
    region: &RegionName,
    refusal: &CallError,
) -> Unavailable {
    match refusal {
        CallError::AccessDenied(message) => match hub.state(region).await {
            Ok(HubState { product_accepted: false }) => product_not_accepted(partition, region, message),
            Err(CallError::InvalidAccess(message)) => hub_not_enabled(region, &message),
            Err(CallError::UnrecognizedClient(message)) => not_opted_in(region, &message),
            _ => access_denied(partition, region, message),
        },
        CallError::InvalidAccess(message) => match hub.state(region).await {
            Ok(HubState { product_accepted: false }) => product_not_accepted(partition, region, message),
            _ => hub_not_enabled(region, message),
        },
        CallError::UnrecognizedClient(message) => not_opted_in(region, message),
        other => Unavailable {
            reason: undelivered::UNREACHABLE.to_owned(),
            message: other.to_string(),
            remediation: format!(
                "check that the network of the exporter reaches securityhub.{region} (routes, DNS, VPC endpoints); to leave \
                 {region} out, set the Regions of the integration with: hubctl integration configure"
            ),
        },
    }
}

fn hub_not_enabled(region: &RegionName, message: &str) -> Unavailable {
    Unavailable {
        reason: "hub_not_enabled".to_owned(),
        message: message.to_owned(),
        remediation: format!("aws securityhub enable-security-hub --no-enable-default-standards --region {region}"),
    }
}

pub(super) fn product_not_accepted(partition: Partition, region: &RegionName, message: &str) -> Unavailable {
    let product = partition.product_arn(*region);
    Unavailable {
        reason: "product_not_accepted".to_owned(),
        message: message.to_owned(),
        remediation: format!(
            "aws securityhub enable-import-findings-for-product --product-arn {product} --region {region}"
        ),
    }
}

fn not_opted_in(region: &RegionName, message: &str) -> Unavailable {
    Unavailable {
        reason: "region_not_opted_in".to_owned(),
        message: message.to_owned(),
        remediation: format!("aws account enable-region --region-name {region}"),
    }
}

fn access_denied(partition: Partition, region: &RegionName, message: &str) -> Unavailable {
    let product = partition.product_arn(*region);
    let (reason, remediation) = if message.contains("with an explicit deny") {
        (
            "denied_by_policy",
            format!("a policy (often a service control policy) denies it: exempt the caller there for {region}"),
        )
    } else {
        (
            "access_denied",
            format!(
                "allow the caller securityhub:BatchImportFindings on {product}; if it is allowed: aws securityhub \
                 enable-import-findings-for-product --product-arn {product} --region {region}"
            ),
        )
    };
    Unavailable { reason: reason.to_owned(), message: message.to_owned(), remediation }
}
