//! The port of the checks, on AWS.

use asff::RegionName;
use aws::{RawAnswer, SecurityHub};
use conformance::{Answer, Call, NoAnswer, Service};
use futures::FutureExt as _;
use futures::future::BoxFuture;

/// Security Hub of the caller's account.
pub(super) struct LiveHub(pub(super) SecurityHub);

impl Service for LiveHub {
    fn call(&self, region: RegionName, call: Call) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        async move {
            let answer = match call {
                Call::Import(body) => self.0.raw_import(region, body).await,
                Call::Find(body) => self.0.raw_find(region, body).await,
                Call::DescribeHub => self.0.raw_describe(region).await,
                Call::ListProducts { next } => self.0.raw_products(region, next).await,
            };
            let RawAnswer { status, code, message, body } = answer.map_err(NoAnswer)?;
            Ok(Answer { status, code, message, body })
        }
        .boxed()
    }
}
