//! Runs in the table, and their reports in the state bucket.

use asff::AccountId;
use exporter::ports::{Claim, PortError, Runs, UploadLocks};
use exporter::report::{HistoryEntry, IntegrationRun, RunReport};
use jiff::Timestamp;

use crate::Cloud;
use crate::dynamodb::item::{Item, number, text};
use crate::dynamodb::run_item::{
    PARTITION, account_attribute, from_item, to_history_item, to_integration_item, to_item,
};
use crate::errors::{causes, failure, port_error, read_error};

/// Maximum number of pages of the table to read, of 1 MB each. If it is reached, a list of an account's old runs is incomplete.
const PAGES_MAX: usize = 50;

impl UploadLocks for Cloud {
    async fn claim(
        &self,
        identity: &str,
        run_id: &str,
        again: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, PortError> {
        self.acquire_claim(identity, run_id, again, now, until).await
    }

    async fn renew_claim(&self, identity: &str, run_id: &str, until: Timestamp) -> Result<bool, PortError> {
        self.extend_claim(identity, run_id, until).await
    }

    async fn finish_claim(&self, identity: &str, run_id: &str, done: bool) -> Result<(), PortError> {
        self.complete_or_release_claim(identity, run_id, done).await
    }
}

impl Runs for Cloud {
    async fn record(&self, report: &RunReport) -> Result<(), PortError> {
        let action = || format!("record run {}", report.run_id);
        let item = to_item(report).map_err(|error| failure(action(), error))?;
        if let Some(entry) = HistoryEntry::of(report) {
            let history_item = to_history_item(&entry).map_err(|error| failure(action(), error))?;
            let integrations = IntegrationRun::all_of(report);
            let items = integrations.iter().map(|(integration, entry)| to_integration_item(integration, entry));
            let mut items: Vec<Item> = items.collect::<Result<_, _>>().map_err(|error| failure(action(), error))?;
            // These last: where there are more entries than one transaction can have, a run that has ended has all of them.
            items.extend([item, history_item]);
            return self.put_together(items, &action()).await;
        }
        let request = self.dynamodb.put_item().table_name(&self.names.table).set_item(Some(item));
        request.send().await.map(drop).map_err(|error| port_error(action(), &error))
    }

    async fn newest_runs(&self, account: AccountId, runs_max: usize) -> Result<Vec<RunReport>, PortError> {
        self.list_runs(runs_max, Some(&account)).await
    }
}

impl Cloud {
    /// The newest runs of one account or of all, as summaries without Regions and with a limited number of accounts.
    ///
    /// # Errors
    ///
    /// If the table is unavailable, or an item is invalid.
    pub async fn list_runs(&self, limit: usize, account: Option<&AccountId>) -> Result<Vec<RunReport>, PortError> {
        const ACTION: &str = "list the runs";
        let mut query = self
            .dynamodb
            .query()
            .table_name(&self.names.table)
            .consistent_read(true)
            .scan_index_forward(false)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(PARTITION));
        query = match account {
            Some(account) => query
                .filter_expression("contains(accounts, :account) AND expires_at > :now")
                .expression_attribute_values(":account", account_attribute(account)),
            None => query.filter_expression("expires_at > :now").set_limit(i32::try_from(limit).ok()),
        };
        let query = query.expression_attribute_values(":now", number(Timestamp::now().as_second()));
        let mut pages = query.into_paginator().send();
        let mut runs = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(page) = pages.next().await else { break };
            for item in page.map_err(|error| port_error(ACTION, &error))?.items() {
                if runs.len() == limit {
                    return Ok(runs);
                }
                runs.push(from_item(item).map_err(|error| failure(ACTION, error))?);
            }
        }
        Ok(runs)
    }

    /// The report of a run, or its summary in the table while it runs or after the report expired.
    ///
    /// # Errors
    ///
    /// If the state bucket or the table is unavailable.
    pub async fn run(&self, run_id: &str) -> Result<Option<RunReport>, PortError> {
        match self.full_report(run_id).await? {
            Some(report) => Ok(Some(report)),
            None => self.run_summary(run_id).await,
        }
    }

    async fn full_report(&self, run_id: &str) -> Result<Option<RunReport>, PortError> {
        let key = RunReport::key(run_id);
        let action = || format!("read s3://{}/{key}", self.names.state_bucket);
        let object = match self.s3.get_object().bucket(&self.names.state_bucket).key(&key).send().await {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(read_error(action(), &self.names.state_bucket, &error)),
        };
        let bytes = object.body.collect().await.map_err(|error| failure(action(), causes(&error)))?.into_bytes();
        serde_json::from_slice(&bytes).map(Some).map_err(|error| failure(action(), error))
    }

    async fn run_summary(&self, run_id: &str) -> Result<Option<RunReport>, PortError> {
        let action = || format!("read run {run_id}");
        let item = self.item(PARTITION, run_id, action).await?;
        item.map(|item| from_item(&item).map_err(|error| failure(action(), error))).transpose()
    }
}
