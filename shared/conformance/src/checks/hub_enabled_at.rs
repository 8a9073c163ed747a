//! Whether `DescribeHub` returns the time at which Security Hub was enabled (contract 4.1).

use jiff::Timestamp;

use crate::check::{Check, Checked, Observation};
use crate::service::Call;
use crate::session::Session;
use crate::stop::Stop;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "hub-enabled-at",
    assumed: "DescribeHub returns when Security Hub was enabled",
    used_by: "an export detects a disabled and re-enabled Security Hub, whose findings may be deleted, by this time",
    events_max: 0,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let call = Call::DescribeHub;
    let action = call.action();
    let response = session.call(session.target.region, call).await?;
    if let Some(stop) = Stop::from_response(action, &response) {
        return Err(stop);
    }
    let at = response.body["SubscribedAt"].as_str().unwrap_or_default();
    let is_time = response.is_ok() && at.parse::<Timestamp>().is_ok();
    let observed =
        if is_time { format!("SubscribedAt {at}") } else { format!("{}, SubscribedAt {at:?}", response.text()) };
    Ok(Observation::holds_if(is_time, observed))
}
