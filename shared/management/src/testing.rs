//! In-memory implementations of management's own ports, in addition to
//! those of the exporter: for tests, and to use the API without AWS.

use exporter::jobs::{JobRecord, JobReport, read_job_report, retry, submit};
use exporter::model::provider::ProviderId;
use exporter::ports::PortError;
use exporter::ports::settings_store::{ListPage, Page};
use exporter::testing::{InMemory, Operation, TestedConnections, newest_first};

use crate::ports::{ConnectionTestResult, ConnectionTester, JobSubmitter};

impl<H: Sync> ConnectionTester for InMemory<H> {
    async fn test(&self, provider: &ProviderId) -> Result<ConnectionTestResult, PortError> {
        self.call(Operation::TestConnection, provider.as_str(), |contents| {
            let found = contents.connection_tests.get(provider.as_str()).cloned();
            let TestedConnections { connections, unchecked, problems } = found.ok_or_else(|| PortError {
                action: format!("test {provider}"),
                message: "connection tests are not available".to_owned(),
            })?;
            contents.connections.extend(connections.iter().map(|found| (found.account, found.clone())));
            Ok(ConnectionTestResult { connections, unchecked, problems })
        })
        .await
    }
}

impl<H: Clone + Send + Sync> JobSubmitter for InMemory<H> {
    async fn submit(&self, record: &JobRecord) -> Result<(), PortError> {
        submit(self, record).await.map(drop)
    }

    async fn retry(&self, record: &JobRecord) -> Result<Option<JobRecord>, PortError> {
        retry(self, record).await
    }

    async fn job_report(&self, id: &str) -> Result<Option<JobReport>, PortError> {
        read_job_report(self, id).await
    }

    async fn jobs(&self, page: &Page) -> Result<ListPage<JobRecord>, PortError> {
        self.call(Operation::ListJobs, "", |contents| {
            Ok(newest_first(contents.jobs.iter().rev().map(|record| (record.id.clone(), record)), page))
        })
        .await
    }
}
