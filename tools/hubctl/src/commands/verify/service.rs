//! The port of the checks, on AWS.

use asff::RegionName;
use aws::{RawResponse, SecurityHub};
use conformance::{Call, NoResponse, Service, ServiceResponse};
use futures::FutureExt as _;
use futures::future::BoxFuture;

/// Security Hub of the caller's account.
pub(super) struct LiveHub(pub(super) SecurityHub);

impl Service for LiveHub {
    fn call(&self, region: RegionName, call: Call) -> BoxFuture<'_, Result<ServiceResponse, NoResponse>> {
        async move {
            let response = match call {
                Call::Import(body) => self.0.raw_import(region, body).await,
                Call::Find(body) => self.0.raw_find(region, body).await,
                Call::DescribeHub => self.0.raw_describe(region).await,
                Call::ListProducts { next } => self.0.raw_products(region, next).await,
            };
            let RawResponse { status, code, message, body } = response.map_err(NoResponse)?;
            Ok(ServiceResponse { status, code, message, body })
        }
        .boxed()
    }
}
