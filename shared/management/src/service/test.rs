//! Connection tests. A failed test doesn't revert the change that caused it; the response states the reason.

use exporter::model::integration::Integration;
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::Stored;

use super::Service;
use super::evaluate::evaluate;
use crate::ports::Ports;
use crate::problem::ApiError;
use crate::wire::TestOutcome;
use crate::wire::{IntegrationView, Test, TestedAccounts};

impl<P: Ports> Service<P> {
    /// Tests an integration's connection.
    ///
    /// # Errors
    ///
    /// If the integration doesn't exist.
    pub async fn test(&self, id: &ProviderId) -> Result<Test, ApiError> {
        let stored = self.require::<Integration>(id).await?;
        Ok(self.run_test(&stored.value).await)
    }

    /// Tests an integration's connection, and returns the integration with the result.
    pub(super) async fn tested(&self, stored: &Stored<Integration>) -> Result<IntegrationView, ApiError> {
        let test = self.run_test(&stored.value).await;
        Ok(IntegrationView { test: Some(test), ..self.view(stored).await? })
    }

    pub(super) async fn run_test(&self, integration: &Integration) -> Test {
        let id = &integration.provider;
        match self.ports.test(id).await {
            Ok(tested) => evaluate(integration, tested),
            Err(error) => {
                tracing::warn!(integration.id = %id, %error, "connection test not run");
                let message = format!("the test could not be run: {error}. To retry: hubctl integration test {id}");
                let accounts = TestedAccounts::default();
                Test { outcome: TestOutcome::NotRun, message, accounts, connections: Vec::new() }
            }
        }
    }
}
