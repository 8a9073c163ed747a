//! Connection tests. That one fails changes nothing: what was created or changed stays so, and the answer says why.

use exporter::integration::Integration;
use exporter::provider::ProviderId;
use exporter::registry::Stored;

use super::Service;
use super::judge::judged;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::wire::TestOutcome;
use crate::wire::{IntegrationView, Test, TestedAccounts};

impl<P: Ports> Service<P> {
    /// Tests an integration's connection.
    ///
    /// # Errors
    ///
    /// When there is no such integration.
    pub async fn test(&self, id: &ProviderId) -> Result<Test, ApiError> {
        let stored = self.found::<Integration>(id).await?;
        Ok(self.run_test(&stored.value).await)
    }

    /// An integration, tested.
    pub(super) async fn tested(&self, stored: &Stored<Integration>) -> Result<IntegrationView, ApiError> {
        let test = self.run_test(&stored.value).await;
        Ok(IntegrationView { test: Some(test), ..self.view(stored).await? })
    }

    pub(super) async fn run_test(&self, integration: &Integration) -> Test {
        let id = &integration.provider;
        match self.ports.test(id).await {
            Ok(tested) => judged(integration, tested),
            Err(error) => {
                tracing::warn!(integration.id = %id, %error, "connection test not run");
                let message = format!("the test could not be run: {error}. To retry: hubctl integration test {id}");
                let accounts = TestedAccounts::default();
                Test { outcome: TestOutcome::NotRun, message, accounts, connections: Vec::new() }
            }
        }
    }
}
