//! Sums of the runs of the last 30 days, which pages about accounts show in addition to what they are about. A page never fails
//! because of them, and never waits long for them.

use std::sync::Arc;
use std::time::Duration;

use management::wire::HistoryList;

use crate::account_sums::DAYS;
use crate::client::Failed;
use crate::histories::Period;
use crate::task::{Outcome, Task};
use crate::view::failure::failure_message;
use crate::view::parts::Unread;
use crate::visit::Visit;

/// How long a page waits. The sums of a thousand accounts take the deployment several seconds; they are then shared.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long a page with `?wait` waits: as long as a page may take at all.
const LONG_PATIENCE: Duration = Duration::from_secs(20);

/// The sums of an account by Region.
pub(super) async fn region_sums(visit: &Visit, account: &str) -> Result<Period, Unread> {
    let (app, now, is_fresh) = (visit.app.clone(), visit.now(), visit.query.has("fresh"));
    let account = account.to_owned();
    in_time(visit, async move { app.histories.get(&app.client, &account, DAYS, now, is_fresh).await }).await
}

/// The sums by account.
pub(super) async fn account_sums(visit: &Visit) -> Result<Arc<HistoryList>, Unread> {
    let (app, now, is_fresh) = (visit.app.clone(), visit.now(), visit.query.has("fresh"));
    in_time(visit, async move { app.account_sums.get(&app.client, now, is_fresh).await }).await
}

/// What is read, if that doesn't take long. Otherwise it continues in the background, for the next page.
async fn in_time<T: Clone + Send + Sync + 'static>(
    visit: &Visit,
    read: impl Future<Output = Result<T, Failed>> + Send + 'static,
) -> Result<T, Unread> {
    let patience = if visit.query.has("wait") { LONG_PATIENCE } else { PATIENCE };
    let (text, href) = match Task::start(read).within(patience).await {
        Outcome::Done(Ok(sums)) => return Ok(sums),
        Outcome::Done(Err(failed)) => (reason(&failed), String::new()),
        Outcome::Lost => ("Reading the sums of the runs failed.".to_owned(), String::new()),
        Outcome::Pending => ("The sums of the runs are still being read.".to_owned(), visit.with("wait", Some("1"))),
    };
    Err(Unread { text: format!("Some numbers are unknown. {text}"), href })
}

fn reason(failed: &Failed) -> String {
    if failed.is_not_found() {
        return "This deployment has no history yet. Update it to the release of this console.".to_owned();
    }
    let message = failure_message(failed);
    format!("{} {}", message.title, message.text)
}
