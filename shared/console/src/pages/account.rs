//! `/accounts/{account}`: what to do, Regions, runs, and the comparison of Security Hub with the export state.

use asff::{AccountId, RegionName};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use exporter::connection::{Connection, RegionStatus};
use exporter::report::{Drift, RegionReport, RunReport};
use futures::FutureExt as _;
use management::wire::{JobView, ReasonBody};

use super::ask::Ask;
use super::connections::connections;
use super::open::not_found;
use super::sums::region_sums;
use crate::client::{Failed, Request};
use crate::form::{Form, encoded};
use crate::histories::Period;
use crate::messages::Message;
use crate::view::account::{Recent, Regions, account_state};
use crate::view::integration::Fact;
use crate::view::parts::{State, Unread};
use crate::view::region::{Fix, fixes};
use crate::view::settings::secret_body;
use crate::view::text::{age, clock, count, counted, sentence, time};
use crate::visit::{Frame, Visit};

/// Runs that are shown.
const RUNS_SHOWN: usize = 10;

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    frame: Frame,
    account: String,
    integration: Option<(String, String)>,
    state: Option<State>,
    checked: String,
    fixes: Vec<Fix>,
    regions: Option<Regions>,
    runs: Vec<Recent>,
    compared: Option<Compared>,
    /// Regions to choose from: name, and whether it is chosen.
    choices: Vec<(String, bool)>,
    may_change: bool,
}

/// The newest comparison.
struct Compared {
    href: String,
    at: String,
    state: State,
    summary: String,
    rows: Vec<Row>,
}

/// A Region of it.
struct Row {
    region: String,
    cells: Vec<String>,
    problem: String,
}

struct Read {
    connection: Option<(Connection, String)>,
    runs: Vec<RunReport>,
    compared: Option<RunReport>,
    sums: Result<Period, Unread>,
}

async fn newest(visit: &Visit, account: &str, kind: &str, max: usize) -> Result<Vec<RunReport>, Failed> {
    let path = format!("/runs?account={}{kind}", encoded(account));
    Ok(visit.app.client.page(&path, max, None).await?.items)
}

async fn read(visit: &Visit, account: &str) -> Result<Read, Failed> {
    let (all, runs, compared, sums) = futures::try_join!(
        connections(visit),
        newest(visit, account, "", RUNS_SHOWN),
        newest(visit, account, "&kind=reconcile", 1),
        region_sums(visit, account).map(Ok),
    )?;
    let found = all.all.iter().find(|(connection, _)| connection.account.as_str() == account);
    Ok(Read { connection: found.cloned(), runs, compared: compared.into_iter().next(), sums })
}

/// `GET /accounts/{account}`
pub(crate) async fn show(visit: Visit, Path(account): Path<String>) -> Response {
    if account.parse::<AccountId>().is_err() {
        return not_found(visit).await;
    }
    match read(&visit, &account).await {
        Ok(read) if read.connection.is_none() && read.runs.is_empty() => not_found(visit).await,
        read => visit.show(read.map(|read| view(&visit, account, read))),
    }
}

fn view(visit: &Visit, account: String, read: Read) -> Page {
    let now = visit.now();
    let connection = read.connection.as_ref().map(|(connection, _)| connection);
    let integration = read.connection.as_ref();
    let chosen = chosen_regions(&visit.query);
    let accepting = connection.into_iter().flat_map(|connection| &connection.regions);
    let accepting = accepting.filter(|(_, region)| region.status == RegionStatus::Enabled).map(|(name, _)| *name);
    Page {
        frame: visit.frame("accounts", format!("Account {account}"), &command(&account, &chosen, true)),
        integration: integration.map(|(connection, name)| {
            (format!("/integrations/{}", encoded(connection.provider.as_str())), name.clone())
        }),
        state: connection.map(|connection| account_state(connection.status)),
        checked: connection
            .map(|connection| {
                format!("checked {}, {}", clock(connection.checked_at, now), age(connection.checked_at, now))
            })
            .unwrap_or_default(),
        fixes: connection.map(fixes).unwrap_or_default(),
        regions: connection.map(|connection| Regions::new(visit, connection, read.sums)),
        runs: read.runs.iter().map(|run| Recent::new(run, now)).collect(),
        compared: read.compared.as_ref().map(|run| compared(visit, run, &account)),
        choices: accepting.map(|name| (name.to_string(), chosen.contains(&name.to_string()))).collect(),
        account,
        may_change: visit.may_change(),
    }
}

/// The command that does the same.
fn command(account: &str, regions: &[String], dry_run: bool) -> String {
    let regions = if regions.is_empty() { String::new() } else { format!(" --regions {}", regions.join(",")) };
    let dry_run = if dry_run { " --dry-run" } else { "" };
    format!("hubctl reconcile --account {account}{regions}{dry_run}")
}

/// The Regions that a form or a query names. None: all.
fn chosen_regions(form: &Form) -> Vec<String> {
    let names = form.fields().filter(|(name, _)| *name == "region").map(|(_, value)| value);
    // Anything else would be part of the command that the page shows.
    names.filter(|name| name.parse::<RegionName>().is_ok()).map(str::to_owned).collect()
}

fn compared(visit: &Visit, run: &RunReport, account: &str) -> Compared {
    let report = run.accounts.iter().find(|(id, _)| id.as_str() == account).map(|(_, report)| report);
    let regions = || report.into_iter().flat_map(|report| &report.regions);
    let total = drift_of(run, account);
    let has_problem = regions().any(|(_, region)| !problem(region).is_empty());
    let (tone, word) = match (total.total(), has_problem) {
        (_, true) => ("bad", "not compared completely"),
        (0, _) if run.finished_at.is_none() => ("busy", "in progress"),
        (0, _) => ("good", "no differences"),
        (differences, _) if differences == total.fixed => ("good", "fixed"),
        _ => ("warn", "differences"),
    };
    Compared {
        href: format!("/runs/{}", encoded(&run.run_id)),
        at: time(run.started_at, visit.now()),
        state: State::new(tone, word),
        summary: summary(&total),
        rows: regions().map(|(name, region)| row(name, region)).collect(),
    }
}

/// The sums of a comparison.
fn drift_of(run: &RunReport, account: &str) -> Drift {
    let mut total = Drift::default();
    let regions = run.accounts.iter().filter(|(id, _)| id.as_str() == account).flat_map(|(_, report)| &report.regions);
    regions.filter_map(|(_, region)| region.drift.as_ref()).for_each(|drift| total.merge(drift));
    total
}

fn summary(drift: &Drift) -> String {
    let Drift { same, missing, unknown, different, fixed, .. } = drift;
    format!(
        "{} the same, {} missing, {} unknown, {} different; {} fixed.",
        count(*same),
        count(*missing),
        count(*unknown),
        count(*different),
        count(*fixed)
    )
}

fn row(name: &RegionName, region: &RegionReport) -> Row {
    let Drift { same, missing, unknown, different, fixed, .. } = region.drift.clone().unwrap_or_default();
    Row {
        region: name.to_string(),
        cells: [same, missing, unknown, different, fixed].map(count).into(),
        problem: sentence(&problem(region)),
    }
}

/// Why a Region was not compared, or not fixed. Empty: it was.
fn problem(region: &RegionReport) -> String {
    let unavailable = region.unavailable.as_ref().map(|why| why.message.clone());
    let unread = region.drift.as_ref().and_then(|drift| drift.unread.clone());
    unavailable.or(unread).or_else(|| region.unfinished.clone()).unwrap_or_default()
}

/// `GET /accounts/{account}/reconcile[?region]`
pub(crate) async fn ask(visit: Visit, Path(account): Path<String>) -> Response {
    if account.parse::<AccountId>().is_err() {
        return not_found(visit).await;
    }
    let compared = newest(&visit, &account, "&kind=reconcile", 1).await;
    visit.show(compared.map(|runs| question(&visit, &account, runs.first())))
}

fn question(visit: &Visit, account: &str, compared: Option<&RunReport>) -> Ask {
    let now = visit.now();
    let regions = chosen_regions(&visit.query);
    let page = format!("/accounts/{account}");
    let last = match compared {
        Some(run) => Fact::new("Last comparison", summary(&drift_of(run, account))).aside(format!(
            "{} UTC, {}",
            time(run.started_at, now),
            age(run.started_at, now)
        )),
        None => Fact::new("Last comparison", "None. Compare first, which changes nothing."),
    };
    let differences = compared.map(|run| drift_of(run, account).total());
    let resent = differences.map_or_else(
        || "One ingestion event per finding that is sent again".to_owned(),
        |number| {
            format!("At most {}, as of the last comparison", counted(number, "ingestion event", "ingestion events"))
        },
    );
    Ask {
        frame: visit.frame("accounts", "Reconcile an account", &command(account, &regions, false)),
        parents: [("/accounts".to_owned(), "Accounts".to_owned()), (page.clone(), account.to_owned())],
        title: format!("Reconcile account {account}?"),
        warning: String::new(),
        review: (String::new(), ""),
        facts: vec![
            Fact::new(
                "Effect",
                "Findings that Security Hub lacks, or has in an older version, are sent again as they were last sent. Findings that \
                 the exporter did not send are adopted, so that a later scan can archive them.",
            ),
            last,
            Fact::new("Regions", if regions.is_empty() { "All".to_owned() } else { regions.join(", ") }),
            Fact::new("Cost", resent),
            Fact::new(
                "Undo",
                "A reconciliation can't be undone. It archives nothing that is active in the export state.",
            ),
        ],
        action: format!("{page}/reconcile"),
        fields: regions.into_iter().map(|name| ("region", name)).collect(),
        button: "Reconcile".to_owned(),
        button_class: "btn danger primary",
        confirm: "",
        newer: None,
    }
}

/// `POST /accounts/{account}/reconcile`: submits the job; with the field `dry_run`, one that only compares.
pub(crate) async fn reconcile(visit: Visit, Path(account): Path<String>, form: Form) -> Response {
    let dry_run = form.has("dry_run");
    let regions = chosen_regions(&form);
    let only = if regions.is_empty() { String::new() } else { format!("&regions={}", regions.join(",")) };
    let path = format!("/findings/reconcile?account={}&dry_run={dry_run}{only}", encoded(&account));
    let body = ReasonBody { reason: form.given("reason").map(str::to_owned) };
    match visit.app.client.send::<JobView>(Request::post(path).json(secret_body(&body))).await {
        Ok(job) => {
            let title = if dry_run { "Comparison submitted." } else { "Reconciliation submitted." };
            let message = Message::new("good", title).text("It runs in the deployment; you can leave this page.");
            visit.after(&format!("/jobs/{}", encoded(&job.value.id)), message)
        }
        Err(failed) => visit.after_result(&format!("/accounts/{}", encoded(&account)), Err(failed)),
    }
}
