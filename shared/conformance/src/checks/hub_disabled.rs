//! Errors if Security Hub is disabled (contract 1.10; for imports, two different errors were reported).

use asff::RegionName;
use exporter::connection::write_probe_body;

use crate::check::{Check, Checked, Observation};
use crate::response::ServiceResponse;
use crate::service::Call;
use crate::session::Session;
use crate::stop::Stop;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "hub-disabled",
    assumed: "in a Region in which Security Hub is disabled, DescribeHub and GetFindings return InvalidAccessException, \
        and an import returns InvalidAccess or AccessDenied",
    used_by: "connection checks and exports report hub_not_enabled by these errors",
    events_max: 0,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let Some(region) = session.options.disabled_region else {
        return Ok(Observation::not_requested("no Region was named: --disabled-region REGION"));
    };
    let described = session.call(region, Call::DescribeHub).await?;
    if described.is_ok() {
        return Ok(Observation::not_requested(format!("Security Hub is enabled in {region}")));
    }
    match Stop::from_response(Call::DescribeHub.action(), &described) {
        Some(Stop::Credentials(text)) => {
            return Ok(Observation::not_requested(format!("the account has no access to {region}: {text}")));
        }
        // Determine whether a permission is missing, or this is the error of a disabled Security Hub.
        Some(stop @ Stop::Denied { .. }) if !session.call(session.target.region, Call::DescribeHub).await?.is_ok() => {
            return Err(stop);
        }
        _ => {}
    }
    let found = session.call(region, Call::Find(r#"{"MaxResults":1}"#.into())).await?;
    let imported = session.call(region, probe(session, region)).await?;
    let holds = described.is_code("InvalidAccess") && found.is_code("InvalidAccess") && is_access_error(&imported);
    let observed = format!(
        "DescribeHub: {}; GetFindings: {}; BatchImportFindings: {}",
        described.text(),
        found.text(),
        import_text(&imported)
    );
    Ok(Observation::holds_if(holds, observed))
}

/// The import of a finding that can't be stored, into a Region.
pub(super) fn probe(session: &Session<'_>, region: RegionName) -> Call {
    Call::Import(write_probe_body(session.target.partition, session.target.account, region))
}

/// Whether an import was rejected with one of the access errors that the exporter detects.
pub(super) fn is_access_error(response: &ServiceResponse) -> bool {
    let failed = response.body["FailedFindings"][0]["ErrorCode"].as_str();
    response.is_code("InvalidAccess")
        || response.is_code("AccessDenied")
        || failed.is_some_and(|code| code.starts_with("InvalidAccess"))
}

/// The response, with the error code of its first failed finding.
pub(super) fn import_text(response: &ServiceResponse) -> String {
    let failed = response.body["FailedFindings"][0]["ErrorCode"].as_str();
    failed.map_or_else(|| response.text(), |code| format!("{}, FailedFindings {code}", response.text()))
}
