//! Connection tests. That one fails changes nothing: what was created or changed stays so, and the answer says why.

use exporter::connection::{Connection, ConnectionStatus, RegionStatus};
use exporter::integration::Integration;
use exporter::provider::ProviderId;
use exporter::registry::Stored;

use super::Service;
use crate::ports::Ports;
use crate::problem::Refusal;
use crate::wire::words::TestOutcome;
use crate::wire::{IntegrationView, Test};

/// Regions that a sentence names.
const REGIONS_NAMED_MAX: usize = 5;

impl<P: Ports> Service<P> {
    /// Tests an integration's connection.
    ///
    /// # Errors
    ///
    /// When there is no such integration.
    pub async fn test(&self, id: &ProviderId) -> Result<Test, Refusal> {
        self.found::<Integration>(id).await?;
        Ok(self.run_test(id).await)
    }

    /// An integration, tested.
    pub(super) async fn tested(&self, stored: &Stored<Integration>) -> Result<IntegrationView, Refusal> {
        let test = self.run_test(&stored.value.provider).await;
        Ok(IntegrationView { test: Some(test), ..self.view(stored).await? })
    }

    pub(super) async fn run_test(&self, id: &ProviderId) -> Test {
        match self.ports.test(id).await {
            Ok(connections) => judged(connections),
            Err(error) => {
                tracing::warn!(integration.id = %id, %error, "connection test not run");
                let message = format!("the test could not be run: {error}; again: hubctl integration test {id}");
                Test { outcome: TestOutcome::NotRun, message, connections: Vec::new() }
            }
        }
    }
}

fn judged(connections: Vec<Connection>) -> Test {
    let lost: Vec<&Connection> =
        connections.iter().filter(|connection| connection.status == ConnectionStatus::Disconnected).collect();
    let (outcome, message) = match (connections.as_slice(), lost.first()) {
        ([], _) => {
            let message = "no account of the organisation is known yet; its first scan or the next check finds them";
            (TestOutcome::NotRun, message.to_owned())
        }
        ([_], Some(one)) => (TestOutcome::Failed, reason(one)),
        (all, Some(one)) => {
            let outcome = if lost.len() == all.len() { TestOutcome::Failed } else { TestOutcome::Passed };
            let text =
                format!("{} of {} accounts are not connected; {}: {}", lost.len(), all.len(), one.account, reason(one));
            (outcome, text)
        }
        ([one], None) => (TestOutcome::Passed, regions(one)),
        (all, None) => (TestOutcome::Passed, format!("all {} accounts are connected", all.len())),
    };
    Test { outcome, message, connections }
}

/// Why an account is not connected, and what mends it.
fn reason(connection: &Connection) -> String {
    let region = connection.regions.iter().find_map(|(name, region)| Some((name, region.problem.as_ref()?)));
    match (&connection.problem, region) {
        (Some(problem), _) => told(&problem.message, problem.mend.as_deref()),
        (None, Some((name, problem))) => format!("{name}: {}", told(&problem.message, problem.mend.as_deref())),
        (None, None) => "no Region takes findings".to_owned(),
    }
}

fn told(message: &str, mend: Option<&str>) -> String {
    mend.map_or_else(|| message.to_owned(), |mend| format!("{message}; to mend it: {mend}"))
}

fn regions(connection: &Connection) -> String {
    let on = connection.regions.iter().filter(|(_, region)| region.status == RegionStatus::Enabled);
    let names: Vec<&str> = on.map(|(name, _)| name.as_str()).collect();
    let shown = names.iter().take(REGIONS_NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match names.len() {
        1 => format!("connected in 1 Region: {shown}"),
        count if count > REGIONS_NAMED_MAX => format!("connected in {count} Regions: {shown} and others"),
        count => format!("connected in {count} Regions: {shown}"),
    }
}
