//! `FirstObservedAt` of an update (contract 1.4, observed once).

use crate::check::{Check, Checked, Observation};
use crate::draft::text;
use crate::session::{Session, later, time};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "first-observed-at-replaced",
    assumed: "an update replaces FirstObservedAt",
    used_by: "the exporter stores when a finding was first observed, and sends it with each update",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let first = session.draft("first-observed-at-replaced");
    session.put_and_watch(&first).await?;
    let newer = later(first.at(), 1_000);
    let second = first.clone().updated_at(newer).set("FirstObservedAt", text(newer));
    let read = session.put_and_watch(&second).await?.finding;
    let is_replaced = time(&read, "FirstObservedAt") == Some(newer);
    let of = if is_replaced { "the update" } else { "the first import" };
    Ok(Observation::holds_if(is_replaced, format!("FirstObservedAt is that of {of}")))
}
