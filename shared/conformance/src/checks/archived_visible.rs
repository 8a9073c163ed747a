//! Whether `GetFindings` returns archived findings (contract 3.1). This check is first: if it holds, the other checks import
//! archived findings.

use crate::check::{Check, Checked, Observation, Reason};
use crate::session::{Session, later};
use crate::stop::Stop;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "archived-visible",
    assumed: "GetFindings returns archived findings",
    used_by: "undo-archive, explain, and reconcile read archived findings",
    events_max: 2,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let draft = session.draft("archived-visible");
    match session.put_and_watch(&draft).await {
        Ok(watched) => {
            let observed = format!("an archived finding is returned, as {}", watched.finding["RecordState"]);
            return Ok(Observation::holds_if(watched.finding["RecordState"] == "ARCHIVED", observed));
        }
        Err(Stop::NotVisible(_)) => {}
        Err(stop) => return Err(stop),
    }
    // Determine whether only archived findings are missing, or no finding is returned at all.
    let active = draft.clone().active().updated_at(later(draft.at(), 1));
    match session.put_and_watch(&active).await {
        Ok(_) => {
            session.use_active_findings();
            Ok(Observation::holds_if(
                false,
                "an archived finding is not returned, and the same finding is when it is active",
            ))
        }
        Err(Stop::NotVisible(_)) => {
            session.give_up_reading();
            Ok(Observation::not_checked(Reason::Failed, "neither an archived nor an active finding became visible"))
        }
        Err(stop) => Err(stop),
    }
}
