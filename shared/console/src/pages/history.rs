//! The history of runs, a part of `/runs`: charts by day and a table by Region, or a table by account.

use askama::Template;
use axum::response::Response;

use super::names::names;
use crate::client::Failed;
use crate::form::{Form, encoded};
use crate::histories::read;
use crate::view::history::{Accounts, History, accounts, history};
use crate::visit::Visit;

/// The periods to choose from, in days.
const PERIODS: [u8; 3] = [7, 30, 90];
const PERIOD_DEFAULT: u8 = 30;

/// What of the history is shown, by the query.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    days: u8,
    is_by_account: bool,
    account: String,
    /// Whether the page is shown with the history in it, as without JavaScript.
    is_whole: bool,
}

impl Choices {
    pub(super) fn of(query: &Form) -> Self {
        let days = query.get("days").parse().ok().filter(|days| PERIODS.contains(days));
        Self {
            days: days.unwrap_or(PERIOD_DEFAULT),
            is_by_account: query.get("by") == "account",
            account: query.get("account").to_owned(),
            is_whole: query.has("wait"),
        }
    }

    /// What isn't the default, beside the account.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let days = (self.days != PERIOD_DEFAULT).then(|| ("days", self.days.to_string()));
        let by = self.is_by_account.then(|| ("by", "account".to_owned()));
        let whole = self.is_whole.then(|| ("wait", "1".to_owned()));
        days.into_iter().chain(by).chain(whole).collect()
    }

    /// The page or the part of it that shows this.
    pub(super) fn address(&self, path: &str) -> String {
        let account = (!self.account.is_empty()).then(|| ("account", encoded(&self.account)));
        let fields = account.into_iter().chain(self.fields()).map(|(name, value)| format!("{name}={value}"));
        let query: Vec<String> = fields.collect();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }

    /// The links to the other choices: text, address, whether it is this.
    fn links(&self) -> [Vec<(String, String, bool)>; 2] {
        let period = |days: u8| {
            let other = Self { days, ..self.clone() };
            (format!("{days} days"), other.address("/runs"), days == self.days)
        };
        let by = |(name, is_by_account): (&str, bool)| {
            let other = Self { is_by_account, ..self.clone() };
            (name.to_owned(), other.address("/runs"), is_by_account == self.is_by_account)
        };
        let groups = [("by day and Region", false), ("by account", true)];
        [PERIODS.map(period).to_vec(), groups.map(by).to_vec()]
    }
}

/// The history as a part of the page, or alone.
#[derive(Template)]
#[template(path = "history.html")]
pub(super) struct Panel {
    days: u8,
    links: [Vec<(String, String, bool)>; 2],
    history: Option<History>,
    accounts: Option<Accounts>,
    /// The deployment doesn't have sums of runs.
    is_unknown: bool,
}

impl askama::filters::HtmlSafe for Panel {}

impl Panel {
    /// Reads what the query chooses.
    pub(super) async fn read(visit: &Visit) -> Result<Self, Failed> {
        let choices = Choices::of(&visit.query);
        let mut panel =
            Self { days: choices.days, links: choices.links(), history: None, accounts: None, is_unknown: false };
        match panel.fill(visit, &choices).await {
            Err(failed) if failed.is_not_found() => panel.is_unknown = true,
            filled => filled?,
        }
        Ok(panel)
    }

    async fn fill(
        &mut self,
        visit: &Visit,
        Choices { days, is_by_account, account, .. }: &Choices,
    ) -> Result<(), Failed> {
        let client = &visit.app.client;
        if *is_by_account {
            let (list, names) = futures::try_join!(read(client, "account", account, *days, None), names(client))?;
            self.accounts = Some(accounts(&list.items, &names)).filter(|accounts| !accounts.rows.is_empty());
        } else {
            let is_fresh = visit.query.has("fresh");
            let period = visit.app.histories.get(client, account, *days, visit.now(), is_fresh).await?;
            self.history = history(&period, account);
        }
        Ok(())
    }
}

/// `GET /runs/history`: the history, when the rest of the page is already there.
pub(crate) async fn show(visit: Visit) -> Response {
    visit.show(Panel::read(&visit).await)
}
