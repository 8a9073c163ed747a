//! One operation of Amazon SNS, in its query protocol.

use asff::{Partition, Regions};
use aws_config::SdkConfig;
use aws_smithy_types::error::ErrorMetadata;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::errors::CallFailure;
use crate::raw_call::signed::{Service, SignedCall, call};
use crate::raw_call::xml::{element, error};

const SNS: Service = Service { id: "SNS", name: "sns", content_type: "application/x-www-form-urlencoded", error };

/// Value in place of the subscription ARN until the subscription is confirmed (SNS API, `ListSubscriptionsByTopic`).
const PENDING: &str = "PendingConfirmation";

/// The first hundred subscriptions of a topic: the endpoint of each, and whether it is confirmed.
pub(crate) async fn subscriptions(
    config: &SdkConfig,
    topic: &str,
) -> Result<Vec<(String, bool)>, CallFailure<ErrorMetadata>> {
    const OPERATION: &str = "ListSubscriptionsByTopic";
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let partition = region.parse().ok().and_then(|name| Regions::known().partition_of(name)).unwrap_or(Partition::Aws);
    let arn = utf8_percent_encode(topic, NON_ALPHANUMERIC);
    let body = format!("Action={OPERATION}&Version=2010-03-31&TopicArn={arn}");
    let request = SignedCall { operation: OPERATION, region, partition, headers: Vec::new(), body };
    let response = call(config, SNS, request).await?;
    let response = String::from_utf8_lossy(&response);
    let subscription = |member| {
        let is_confirmed = element(member, "SubscriptionArn")? != PENDING;
        Some((element(member, "Endpoint").unwrap_or_default().into_owned(), is_confirmed))
    };
    Ok(response.split("<member>").skip(1).filter_map(subscription).collect())
}
