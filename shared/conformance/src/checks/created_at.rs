//! `CreatedAt` of an update (contract 1.4, observed once).

use crate::check::{Check, Checked, Observation};
use crate::draft::text;
use crate::session::{Session, later, time};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "created-at-kept",
    assumed: "an update does not change CreatedAt",
    used_by: "the exporter may send another CreatedAt after its state was lost",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let first = session.draft("created-at-kept");
    session.put_and_watch(&first).await?;
    let newer = later(first.at(), 1_000);
    let second = first.clone().updated_at(newer).set("CreatedAt", text(newer));
    let read = session.put_and_watch(&second).await?.finding;
    let is_unchanged = time(&read, "CreatedAt") == Some(first.at());
    let result = if is_unchanged { "CreatedAt is that of the first import" } else { "CreatedAt is that of the update" };
    Ok(Observation::holds_if(is_unchanged, result))
}
