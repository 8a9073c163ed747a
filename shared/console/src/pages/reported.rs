//! Jobs that report: what a page of a plan or an explanation waits for.

use std::time::Duration;

use exporter::jobs::JobState;
use management::wire::JobView;
use tokio::time::{Instant, sleep};

use crate::client::Failed;
use crate::form::encoded;
use crate::messages::Message;
use crate::view::parts::Note;
use crate::view::text::sentence;
use crate::visit::Visit;

/// How long a page waits for a result before it is shown without.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);
/// How long the panel waits for it, before it asks again.
pub(super) const LONG_PATIENCE: Duration = Duration::from_secs(20);
/// Time between two reads of the job.
const INTERVAL: Duration = Duration::from_millis(700);

/// The job when it has ended, or else how far it is after some time. None: there is no such job of this type.
pub(super) async fn wait(visit: &Visit, id: &str, job: &str, within: Duration) -> Result<Option<JobView>, Failed> {
    let until = Instant::now() + within;
    loop {
        let Some(found) = visit.app.client.find::<JobView>(format!("/jobs/{}", encoded(id))).await? else {
            return Ok(None);
        };
        let found = found.value;
        if found.job != job {
            return Ok(None);
        }
        if found.state != JobState::Pending || Instant::now() + INTERVAL > until {
            return Ok(Some(found));
        }
        sleep(INTERVAL).await;
    }
}

/// Why a job that has ended has no report. None: it is pending, or has one.
pub(super) fn failure(job: &JobView) -> Option<Note> {
    let has_report = job.plan.is_some() || job.explanation.is_some();
    let message = match job.state {
        JobState::Pending => return None,
        JobState::Succeeded if has_report => return None,
        JobState::Succeeded => "Reports are deleted together with the runs of the same time.".to_owned(),
        JobState::Rejected | JobState::Failed | JobState::Canceled => {
            sentence(job.message.as_deref().unwrap_or("The reason is unknown."))
        }
    };
    Some(Message::new("bad", "There is no result.").text(message).into())
}
