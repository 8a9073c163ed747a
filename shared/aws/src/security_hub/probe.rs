//! The calls of a connection check.

use asff::{Partition, RegionName};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use exporter::connection::{AccountRegion, Probe};
use exporter::model::integration::Role;
use exporter::ports::{CallError, ConnectError, ImportOutcome};

use crate::security_hub::client::SecurityHub;
use crate::security_hub::errors::call_error;
use crate::security_hub::regions::account_regions;

/// Maximum number of pages of accepted products to read. A page may be small, but only a few hundred products exist.
const PRODUCT_PAGES_MAX: usize = 100;
/// Error code for a product that is already accepted (contract 2.3).
const ACCEPTED_ALREADY: &str = "ResourceConflictException";

impl Probe for SecurityHub {
    fn identity(&self) -> &str {
        &self.shared.caller.arn
    }

    fn partition(&self) -> Partition {
        self.shared.caller.partition
    }

    fn role_with_external_id(&self) -> Option<Role> {
        self.shared.caller.role_with_external_id.as_ref().map(|(role, _)| role.clone())
    }

    async fn assumable_without_external_id(&self) -> Result<bool, CallError> {
        let Some((_, without_external_id)) = &self.shared.caller.role_with_external_id else { return Ok(false) };
        match without_external_id.assume().await {
            Ok(_) => Ok(true),
            Err(ConnectError::Rejected(_)) => Ok(false),
            Err(ConnectError::Failed(error)) => Err(CallError::Transient(error.to_string())),
        }
    }

    async fn account_regions(&self) -> Result<Vec<AccountRegion>, CallError> {
        let (config, session) = self.session();
        let response = account_regions(&config, self.partition()).await;
        response.map_err(|error| self.renew_if_expired(call_error(&error), session))
    }

    async fn product_accepted(&self, region: &RegionName) -> Result<bool, CallError> {
        let (client, session) = self.client(*region);
        let (account, partition) = (self.shared.account, self.partition());
        let subscription =
            format!("arn:{partition}:securityhub:{region}:{account}:product-subscription/prowler/prowler");
        let mut pages = client.list_enabled_products_for_import().into_paginator().send();
        for _ in 0..PRODUCT_PAGES_MAX {
            let Some(page) = pages.next().await else { break };
            let page = page.map_err(|error| self.renew_if_expired(call_error(&error), session))?;
            if page.product_subscriptions().contains(&subscription) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn read_one_finding(&self, region: &RegionName) -> Result<(), CallError> {
        self.page(*region, self.filters(*region), 1, None).await.map(drop)
    }

    async fn write_probe(&self, region: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        self.send(*region, body, None).await
    }

    async fn accept_product(&self, region: &RegionName) -> Result<(), CallError> {
        let (client, session) = self.client(*region);
        let request = client.enable_import_findings_for_product().product_arn(self.partition().product_arn(*region));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(ACCEPTED_ALREADY) => Ok(()),
            Err(error) => Err(self.renew_if_expired(call_error(&error), session)),
        }
    }
}
