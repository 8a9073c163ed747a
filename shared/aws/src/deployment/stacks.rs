//! Two operations of CloudFormation, in its query protocol.

use std::borrow::Cow;

use asff::{Partition, Regions};
use aws_config::SdkConfig;
use aws_smithy_types::error::ErrorMetadata;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::errors::CallFailure;
use crate::raw_call::signed::{Service, SignedCall, call};
use crate::raw_call::xml::{element, error};

const CLOUDFORMATION: Service =
    Service { id: "CloudFormation", name: "cloudformation", content_type: "application/x-www-form-urlencoded", error };

/// Description of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stack {
    pub(crate) status: String,
    outputs: Vec<(String, String)>,
}

impl Stack {
    /// The value of an output.
    pub(crate) fn output(&self, name: &str) -> Option<String> {
        self.outputs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }
}

/// Describes a stack. `None` if the response contains no stack.
pub(crate) async fn describe(config: &SdkConfig, name: &str) -> Result<Option<Stack>, CallFailure<ErrorMetadata>> {
    let response = ask(config, "DescribeStacks", name).await?;
    let outputs = pairs(&response, "OutputKey", "OutputValue");
    Ok(element(&response, "StackStatus").map(|status| Stack { status: status.into_owned(), outputs }))
}

/// Resources of a stack: logical and physical ID of each.
pub(crate) async fn resources(
    config: &SdkConfig,
    name: &str,
) -> Result<Vec<(String, String)>, CallFailure<ErrorMetadata>> {
    let response = ask(config, "DescribeStackResources", name).await?;
    Ok(pairs(&response, "LogicalResourceId", "PhysicalResourceId"))
}

async fn ask(config: &SdkConfig, operation: &'static str, stack: &str) -> Result<String, CallFailure<ErrorMetadata>> {
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let partition = region.parse().ok().and_then(|name| Regions::known().partition_of(name)).unwrap_or(Partition::Aws);
    let stack = utf8_percent_encode(stack, NON_ALPHANUMERIC);
    let body = format!("Action={operation}&Version=2010-05-15&StackName={stack}");
    let request = SignedCall { operation, region, partition, headers: Vec::new(), body };
    let response = call(config, CLOUDFORMATION, request).await?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

/// Two elements of each member of a list; members without both are omitted.
fn pairs(response: &str, first: &str, second: &str) -> Vec<(String, String)> {
    let text = |member, name| element(member, name).map(Cow::into_owned);
    response.split("<member>").filter_map(|member| Some((text(member, first)?, text(member, second)?))).collect()
}
