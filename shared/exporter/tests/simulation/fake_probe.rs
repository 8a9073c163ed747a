//! The calls of a connection check, on the simulator in this process.

use asff::{Partition, RegionName};
use bytes::Bytes;
use exporter::connection::{AccountRegion, Probe};
use exporter::model::integration::Role;
use exporter::ports::{CallError, ImportOutcome};
use serde_json::json;
use simulator::{Input, Operation};

use crate::hub::{SimulatedHub, outcome};

/// Maximum number of pages to read.
const PAGES_MAX: usize = 100;

impl Probe for SimulatedHub {
    fn identity(&self) -> &str {
        "arn:aws:sts::123456789012:assumed-role/Exporter/simulated"
    }

    fn partition(&self) -> Partition {
        Partition::Aws
    }

    fn role_with_external_id(&self) -> Option<Role> {
        self.hubs.world.access().role.clone().filter(|role| role.external_id.is_some())
    }

    async fn assumable_without_external_id(&self) -> Result<bool, CallError> {
        let mut access = self.hubs.world.access();
        access.trials += 1;
        access.opens.clone()
    }

    async fn account_regions(&self) -> Result<Vec<AccountRegion>, CallError> {
        if !self.hubs.world.access().lists_regions {
            return Err(CallError::AccessDenied("ec2:DescribeRegions".to_owned()));
        }
        let regions = self.hubs.world.simulator.account_regions(self.account.as_str(), "aws");
        let read = |(name, opted_in): (String, bool)| AccountRegion { name: name.parse().unwrap(), opted_in };
        Ok(regions.into_iter().map(read).collect())
    }

    async fn product_accepted(&self, region: &RegionName) -> Result<bool, CallError> {
        let ours = format!("arn:aws:securityhub:{region}:{}:product-subscription/prowler/prowler", self.account);
        let mut query = Vec::new();
        for _ in 0..PAGES_MAX {
            let input = Input { query: &query, ..Input::default() };
            let page = self.ask(region, Operation::ListEnabledProductsForImport, input).await?;
            if page["ProductSubscriptions"].as_array().unwrap().contains(&ours.clone().into()) {
                return Ok(true);
            }
            let Some(next) = page["NextToken"].as_str() else { return Ok(false) };
            query = vec![("NextToken".to_owned(), next.to_owned())];
        }
        Err(CallError::Transient("there is no end to the pages".to_owned()))
    }

    async fn read_one_finding(&self, region: &RegionName) -> Result<(), CallError> {
        let body = json!({ "MaxResults": 1 }).to_string();
        let input = Input { body: body.as_bytes(), ..Input::default() };
        self.ask(region, Operation::GetFindings, input).await.map(drop)
    }

    async fn write_probe(&self, region: &RegionName, body: Bytes) -> Result<ImportOutcome, CallError> {
        let input = Input { body: &body, ..Input::default() };
        Ok(outcome(&self.ask(region, Operation::BatchImportFindings, input).await?))
    }

    async fn accept_product(&self, region: &RegionName) -> Result<(), CallError> {
        let body = json!({ "ProductArn": Partition::Aws.product_arn(*region) }).to_string();
        let input = Input { body: body.as_bytes(), ..Input::default() };
        match self.ask(region, Operation::EnableImportFindingsForProduct, input).await {
            Ok(_) => Ok(()),
            Err(CallError::Rejected { code, .. }) if code == "ResourceConflictException" => Ok(()),
            Err(error) => Err(error),
        }
    }
}
