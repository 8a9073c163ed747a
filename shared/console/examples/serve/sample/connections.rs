//! Sample results of connection checks.

use exporter::connection::{Connection, ConnectionStatus, Problem, RegionConnection, RegionStatus};
use jiff::Timestamp;

use super::{Failure, ago};

/// Regions that are enabled in every account.
const REGIONS: [&str; 15] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
];
/// Regions that no account has enabled.
const NOT_OPTED_IN: [&str; 4] = ["af-south-1", "ap-east-1", "eu-south-1", "me-south-1"];

/// The state of a connection.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Connected,
    /// Connected, but two Regions never accepted findings.
    Partial,
    /// Two Regions never accepted findings, and one became unavailable.
    Degraded,
    Disconnected,
}

fn problem(reason: &str, message: String, remediation: String) -> Problem {
    Problem { reason: reason.to_owned(), message, remediation: Some(remediation) }
}

/// The problem of a role that can't be assumed.
fn no_role(id: &str) -> Problem {
    problem(
        "role_not_assumable",
        format!(
            "the role arn:aws:iam::{id}:role/SecurityHubExporter can't be assumed: its trust policy doesn't include the \
                 deployment, or requires a different External ID"
        ),
        format!(
            "hubctl permissions print --integration {id} --format trust-policy > trust.json\naws iam update-assume-role-policy \
                 --role-name SecurityHubExporter --policy-document file://trust.json  # in account {id}"
        ),
    )
}

/// The connection of an account.
pub(super) fn account(id: &str, provider: &str, kind: Kind, now: Timestamp) -> Result<Connection, Failure> {
    let since = ago(now, 120_000);
    let enabled = RegionConnection {
        status: RegionStatus::Enabled,
        since,
        problem: None,
        unavailable_since: None,
        stale_since: None,
    };
    let mut connection = Connection {
        account: id.parse()?,
        provider: provider.parse()?,
        status: ConnectionStatus::Connected,
        checked_at: ago(now, 42),
        stale_since: None,
        identity: Some(format!("arn:aws:sts::{id}:assumed-role/SecurityHubExporter/securityhub-exporter")),
        problem: None,
        risks: Vec::new(),
        external_id_check: None,
        regions: Default::default(),
    };
    if matches!(kind, Kind::Disconnected) {
        connection.status = ConnectionStatus::Disconnected;
        connection.identity = None;
        connection.problem = Some(no_role(id));
        return Ok(connection);
    }
    for name in REGIONS {
        connection.regions.insert(name.parse()?, enabled.clone());
    }
    for name in NOT_OPTED_IN {
        let status = RegionStatus::RegionNotOptedIn;
        connection.regions.insert(name.parse()?, RegionConnection { status, ..enabled.clone() });
    }
    if matches!(kind, Kind::Partial | Kind::Degraded) {
        let hub = problem(
            "hub_not_enabled",
            format!("Security Hub is not enabled in sa-east-1 of account {id}"),
            format!(
                "aws securityhub enable-security-hub --no-enable-default-standards --region sa-east-1  # in account {id}"
            ),
        );
        let status = RegionStatus::HubNotEnabled;
        connection.regions.insert("sa-east-1".parse()?, RegionConnection { status, problem: Some(hub), ..enabled });
        let product = problem(
            "product_not_accepted",
            format!("Security Hub in ap-northeast-3 of account {id} does not accept the Prowler product yet"),
            format!(
                "aws securityhub enable-import-findings-for-product --product-arn \
                 arn:aws:securityhub:ap-northeast-3::product/prowler/prowler --region ap-northeast-3  # in account {id}"
            ),
        );
        let status = RegionStatus::ProductNotAccepted;
        let region = RegionConnection { status, problem: Some(product), ..enabled };
        connection.regions.insert("ap-northeast-3".parse()?, region);
    }
    if matches!(kind, Kind::Degraded) {
        connection.status = ConnectionStatus::Degraded;
        let denied = problem(
            "denied_by_policy",
            format!("a service control policy denies securityhub:BatchImportFindings in eu-south-2 of account {id}"),
            format!(
                "aws organizations list-policies-for-target --target-id {id} --filter SERVICE_CONTROL_POLICY  # in the \
                 management account; repeat for the parent OUs"
            ),
        );
        let unavailable_since = Some(ago(now, 927));
        let status = RegionStatus::AccessDenied;
        let region = RegionConnection {
            status,
            since: ago(now, 927),
            problem: Some(denied),
            unavailable_since,
            stale_since: None,
        };
        connection.regions.insert("eu-south-2".parse()?, region);
    }
    Ok(connection)
}

/// The organization.
pub(super) const ORGANIZATION: &str = "o-a1b2c3d4e5";
/// Number of its accounts.
pub(super) const ORGANIZATION_ACCOUNTS: u64 = 24;

/// The ID of an account of the organization.
pub(super) fn organization_account(number: u64) -> String {
    format!("{:012}", 600_000_000_000 + number * 11_111_111_111)
}

/// The connections of the accounts of the organization.
pub(super) fn organization(now: Timestamp) -> Result<Vec<Connection>, Failure> {
    let mut found = Vec::new();
    for number in 0..ORGANIZATION_ACCOUNTS {
        let id = organization_account(number);
        let kind = match number {
            0 | 1 => Kind::Disconnected,
            2..6 => Kind::Degraded,
            _ => Kind::Connected,
        };
        found.push(account(&id, ORGANIZATION, kind, now)?);
    }
    Ok(found)
}
