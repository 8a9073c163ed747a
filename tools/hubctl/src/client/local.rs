//! The management API in this process: the same router as in the function, with the operator's own credentials. For operators
//! with access to the table, or if the function doesn't work.

use std::sync::Arc;

use anyhow::Result;
use asff::Partition;
use aws::{Caller, Cloud, Deployment, ManagementConfig, ResourceNames, SdkConfig};
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use management::{Service, Settings, router};
use tower::ServiceExt as _;

use super::Management;
use crate::config::Global;
use crate::deployment::{no_stack, region_of, which_deployment};
use crate::exit::{Exit, Failure};

/// Default prefix of the names of secrets that the exporter can read (template.yaml).
const SECRET_PREFIX: &str = "securityhub-exporter/";
/// Maximum size of a response, in bytes. A page of a list is far smaller.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The API of the deployment that the options select.
pub(super) async fn connect(
    global: &Global,
    config: &SdkConfig,
    caller: Caller,
    partition: Option<Partition>,
) -> Result<Management> {
    let stack = match &global.stack {
        Some(name) => Some(Deployment::of_stack(config, name).await.map_err(|error| no_stack(name, &error))?),
        None => None,
    };
    let of_stack = |name: fn(&Deployment) -> String| stack.as_ref().map(name);
    let table = global.table.clone().or(of_stack(|stack| stack.table.clone()));
    let state_bucket = global.state_bucket.clone().or(of_stack(|stack| stack.state_bucket.clone()));
    let (Some(table), Some(state_bucket)) = (table, state_bucket) else {
        return Err(which_deployment().hint("add --stack NAME, or --table NAME and --state-bucket NAME").into());
    };
    let queue_url = of_stack(|stack| stack.queue_url.clone());
    let check_function = stack.as_ref().and_then(|stack| stack.check_function_name.clone());
    let secret_prefix = stack.as_ref().and_then(|stack| stack.secret_name_prefix.clone());
    let secret_prefix = secret_prefix.unwrap_or_else(|| SECRET_PREFIX.to_owned());
    let secret_kms_key = stack.as_ref().and_then(|stack| stack.kms_key_arn.clone());
    let managing = ManagementConfig { secret_prefix: secret_prefix.clone(), secret_kms_key, check_function };
    // Table names refer to the caller's account.
    let deployment = Settings { secret_prefix, partition, account: caller.account.parse().ok() };
    let cloud = Cloud::new(config, ResourceNames { table, state_bucket, queue_url }).with_management(managing);
    let router = router(Arc::new(Service::new(Arc::new(cloud), deployment.clone())));
    let identity = caller.arn.clone();
    let transport = Box::new(move |mut request: http::Request<Bytes>| {
        request.extensions_mut().insert(management::Caller(caller.arn.clone()));
        Box::pin(answer(router.clone(), request)) as _
    });
    let role_pattern = stack.as_ref().and_then(|stack| stack.member_role_name_pattern.clone());
    let trusted = stack.map(|stack| stack.trusted_arns().into_iter().map(str::to_owned).collect());
    let (trusted_arns, region) = (trusted.unwrap_or_default(), region_of(config)?.to_owned());
    let partition = partition.unwrap_or(Partition::Aws);
    Ok(Management { transport, partition, trusted_arns, role_pattern, deployment, region, identity })
}

async fn answer(router: axum::Router, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
    let Ok(response) = router.oneshot(request.map(Body::from)).await;
    let (head, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_BYTES_MAX).await;
    let body = body.map_err(|error| Failure::new(Exit::Error, format!("failed to read the response: {error}")))?;
    Ok(http::Response::from_parts(head, body))
}
