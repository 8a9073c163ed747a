//! Whether an active finding can be archived (contract 3.2).

use serde_json::Value;

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, later};
use crate::stop::Stop;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "archiving",
    assumed: "an import with RecordState ARCHIVED archives an active finding",
    used_by: "resolved findings are archived by such imports",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let first = session.draft("archiving").active();
    session.put_and_watch(&first).await?;
    let second = first.clone().archived().updated_at(later(first.at(), 1_000));
    session.put(&second).await?;
    // The finding may be archived, or no longer returned. In both cases, it is not active.
    let is_archived = |finding: &Value| finding["RecordState"] == "ARCHIVED";
    let is_active = match session.watch(first.id(), is_archived).await {
        Ok(watched) => !watched.matched,
        Err(Stop::NotVisible(_)) => false,
        Err(stop) => return Err(stop),
    };
    let result = if is_active { "the finding is still active" } else { "the finding is archived" };
    Ok(Observation::holds_if(!is_active, result))
}
