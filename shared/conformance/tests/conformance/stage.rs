//! A simulated Security Hub behind the port. Its clock follows the clock of the test.

use std::time::Duration;

use asff::{AccountId, Partition, RegionName};
use conformance::{Call, NoResponse, Options, Report, Service, ServiceResponse, Session, Stop, Target, Timing};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use simulator::{Caller, Config, Deviation, Input, Operation, Rates, Response, Simulator};
use tokio::time::Instant;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-west-1";
/// A Region in which Security Hub is disabled.
pub(crate) const DISABLED: &str = "us-east-1";
/// A Region in which the product is not accepted.
pub(crate) const UNACCEPTED: &str = "ap-southeast-2";
pub(crate) const RUN: &str = "0193b2a0-run";

/// A simulated Security Hub.
pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    begun: Instant,
    start: Timestamp,
}

impl Stage {
    pub(crate) fn new(deviations: &[Deviation]) -> Self {
        Self::with(Self::config(deviations, Rates { enabled: false, ..Rates::default() }))
    }

    /// One Region in which all checks are possible, and one for each of the access errors.
    pub(crate) fn config(deviations: &[Deviation], rates: Rates) -> Config {
        let mut config = Config::one_account(ACCOUNT, &[REGION, DISABLED, UNACCEPTED]);
        config = config.region(ACCOUNT, DISABLED, |region| region.hub = false);
        config = config.region(ACCOUNT, UNACCEPTED, |region| region.products.clear());
        config.rules.deviations = deviations.to_vec();
        config.rates = rates;
        config
    }

    pub(crate) fn with(config: Config) -> Self {
        Self { simulator: Simulator::new(config), begun: Instant::now(), start: Timestamp::now() }
    }

    /// A session with all options.
    pub(crate) fn session(&self) -> Session<'_> {
        let region = |name: &str| name.parse::<RegionName>().unwrap();
        let account: AccountId = ACCOUNT.parse().unwrap();
        let target = Target { account, partition: Partition::Aws, region: region(REGION) };
        let options = Options {
            disabled_region: Some(region(DISABLED)),
            unaccepted_region: Some(region(UNACCEPTED)),
            denied_calls: true,
        };
        let timing = Timing {
            read_interval: Duration::from_millis(400),
            visibility_timeout: Duration::from_secs(60),
            settle: Duration::from_secs(2),
        };
        Session::new(self, target, RUN, options, timing)
    }

    pub(crate) async fn run(&self) -> Result<Report, Stop> {
        let session = self.session();
        let report = conformance::run(&session, |_, _, _, _| ()).await;
        let clean_up = conformance::clean_up(&session, false).await?;
        Ok(Report { clean_up, ..report? })
    }

    /// The stored findings with this record state.
    pub(crate) fn stored(&self, record_state: &str) -> Vec<Value> {
        let mut findings = self.simulator.findings(ACCOUNT, REGION);
        findings.retain(|finding| finding["RecordState"] == record_state);
        findings
    }

    fn answer(&self, region: RegionName, call: &Call) -> Response {
        let elapsed = SignedDuration::try_from(self.begun.elapsed()).unwrap();
        self.simulator.clock().set(self.start.saturating_add(elapsed).unwrap());
        let (operation, body, query) = match call {
            Call::Import(body) => (Operation::BatchImportFindings, &body[..], Vec::new()),
            Call::Find(body) => (Operation::GetFindings, &body[..], Vec::new()),
            Call::DescribeHub => (Operation::DescribeHub, &[][..], Vec::new()),
            Call::ListProducts { next } => {
                let query = next.iter().map(|next| ("NextToken".to_owned(), next.clone())).collect();
                (Operation::ListEnabledProductsForImport, &[][..], query)
            }
        };
        let input = Input { body, query: &query, arn: "" };
        self.simulator.call(&Caller::user(ACCOUNT), region.as_str(), operation, input)
    }
}

impl Service for Stage {
    fn call(&self, region: RegionName, call: Call) -> BoxFuture<'_, Result<ServiceResponse, NoResponse>> {
        async move {
            // Yields as a real call does, so that a run can be dropped at each call.
            tokio::task::yield_now().await;
            let response = self.answer(region, &call);
            if response.dropped {
                return Err(NoResponse("connection reset".to_owned()));
            }
            let message = response.message().unwrap_or_default();
            Ok(ServiceResponse {
                status: response.status,
                code: response.error_type.clone(),
                message,
                body: response.json(),
            })
        }
        .boxed()
    }
}
