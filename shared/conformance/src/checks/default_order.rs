//! The order of findings without sort criteria (contract 3.1; not documented).

use super::pages::{own_findings, request};
use crate::check::{Check, Checked, Observation};
use crate::session::{Session, findings};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "default-order",
    assumed: "without sort criteria, two reads return the same order (undocumented; the order itself does not matter)",
    used_by: "a page can be read again after a lost response",
    events_max: 5,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let ids = own_findings(session, "default-order").await?;
    let mut request = request(session, "default-order");
    request["MaxResults"] = ids.len().into();
    let mut orders: Vec<Vec<String>> = Vec::new();
    for _ in 0..2 {
        let found = findings(&session.page(&request).await?);
        orders.push(found.iter().filter_map(|finding| finding["Id"].as_str().map(str::to_owned)).collect());
    }
    let order = match &orders[0] {
        order if *order == ids => "by Id, ascending",
        order if order.iter().rev().eq(ids.iter()) => "by Id, descending",
        _ => "neither ascending nor descending by Id",
    };
    let is_same = orders[0] == orders[1];
    let observed = if is_same { format!("the same order, {order}") } else { "two orders".to_owned() };
    Ok(Observation::holds_if(is_same, observed))
}
