//! The time until `GetFindings` returns an import (contract 3.1).

use crate::check::{Check, Checked, Observation};
use crate::session::Session;
use crate::stop::Stop;

/// The check.
pub(super) const CHECK: Check = Check {
    id: "visibility",
    assumed: "GetFindings returns an import within a minute (the timeout of hubctl verify and send-sample)",
    used_by: "send-sample waits for its finding; exports never read what they have just sent",
    events_max: 1,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let draft = session.draft("visibility");
    session.put(&draft).await?;
    match session.watch(draft.id(), |_| true).await {
        Ok(watched) => {
            let observed = format!("returned after {:.1} s", watched.after.as_secs_f64());
            Ok(Observation::holds_if(true, observed))
        }
        Err(stop @ Stop::NotVisible(_)) => {
            session.give_up_reading();
            Ok(Observation::holds_if(false, stop.to_string()))
        }
        Err(stop) => Err(stop),
    }
}
