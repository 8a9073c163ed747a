//! What needs attention: one line each, most urgent first. Computed from what the list of integrations, its connections, and
//! the newest runs say; nothing else is read for it.

use exporter::connection::RegionStatus;
use exporter::report::{ArchiveSkipped, RunReport};
use jiff::Timestamp;
use management::wire::ConnectionStatus;

use super::integration::Known;
use super::parts::State;
use super::region::words;
use super::run::newest_of;
use super::text::{age, clock, count, counted, sentence, time};

/// Lines that are shown; the rest is counted.
const ITEMS_MAX: usize = 7;

/// Something that needs attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    rank: u8,
    pub(crate) state: State,
    pub(crate) place: String,
    pub(crate) why: String,
    pub(crate) href: String,
    pub(crate) action: &'static str,
}

/// The list, and how many more there are.
pub(crate) struct Attention {
    pub(crate) items: Vec<Item>,
    pub(crate) more: usize,
    pub(crate) summary: String,
}

/// What needs attention, by integrations and by runs that are sorted, newest first.
pub(crate) fn attention(integrations: &[Known], runs: &[RunReport], now: Timestamp) -> Attention {
    let mut items = Vec::new();
    for known in integrations {
        connection_items(known, now, &mut items);
        run_items(known, runs, now, &mut items);
        if known.view.next_scan_overdue {
            let due = known.view.next_scan_at.map(|at| format!("due {}, {}", clock(at, now), age(at, now)));
            items.push(item(5, "warn", "Scan missing", known, due.unwrap_or_default(), "Details"));
        }
    }
    items.extend(quarantine(runs));
    items.sort_by_key(|item| item.rank);
    let more = items.len().saturating_sub(ITEMS_MAX);
    items.truncate(ITEMS_MAX);
    let newest = runs.first().map(|run| format!(" Last run {}.", clock(run.started_at, now)));
    Attention { items, more, summary: format!("Nothing needs attention.{}", newest.unwrap_or_default()) }
}

fn item(rank: u8, tone: &'static str, what: &str, known: &Known, why: String, action: &'static str) -> Item {
    let href = format!("/integrations/{}", known.view.id);
    Item { rank, state: State::new(tone, what), place: known.alias(), why, href, action }
}

fn connection_items(known: &Known, now: Timestamp, items: &mut Vec<Item>) {
    let summary = &known.view.connection;
    if summary.status == ConnectionStatus::Disconnected {
        let why = summary.problem.as_ref().map(|problem| sentence(&problem.message)).unwrap_or_default();
        items.push(item(1, "bad", "Disconnected", known, why, "Fix"));
        return;
    }
    let lost = known
        .connection
        .iter()
        .flat_map(|found| &found.regions)
        .filter(|(_, region)| region.unavailable_since.is_some() && region.status != RegionStatus::Enabled);
    for (name, region) in lost {
        let since = region.unavailable_since.map(|at| time(at, now)).unwrap_or_default();
        let why =
            region.problem.as_ref().map_or_else(|| words(region.status).to_owned(), |found| sentence(&found.message));
        let mut lost = item(2, "bad", "Region unavailable", known, why, "Fix");
        lost.place = format!("{} · {name} · since {since}", known.alias());
        items.push(lost);
    }
    if known.is_organization() && summary.accounts_disconnected > 0 {
        let why = format!(
            "{} of {} accounts are disconnected.",
            count(summary.accounts_disconnected),
            count(summary.accounts)
        );
        items.push(item(1, "bad", "Accounts disconnected", known, why, "Details"));
    }
}

fn run_items(known: &Known, runs: &[RunReport], now: Timestamp, items: &mut Vec<Item>) {
    let Some(run) = newest_of(runs, &known.view.provider) else { return };
    let place = format!("{} · {}", known.alias(), time(run.started_at, now));
    let href = format!("/runs/{}", run.run_id);
    for report in run.accounts.values() {
        if let Some(ArchiveSkipped::ArchiveRequiresApproval { pending, active }) = report.archive {
            let why = format!(
                "{} of {} active findings would be archived, more than the limit. Nothing was archived.",
                count(pending),
                count(active)
            );
            let state = State::new("warn", "Archive pending approval");
            items.push(Item {
                rank: 0,
                state,
                place: place.clone(),
                why,
                href: format!("{href}#pending"),
                action: "Review",
            });
        }
        let unproven = report.counts.unproven;
        if unproven > 0 {
            let why = format!(
                "{} stay active: the scan has no evidence about them.",
                counted(unproven, "unproven finding", "unproven findings")
            );
            let state = State::new("warn", "Coverage lost");
            items.push(Item {
                rank: 3,
                state,
                place: place.clone(),
                why,
                href: format!("{href}#unproven"),
                action: "Review",
            });
        }
    }
    let undelivered = run.counts.undelivered_total();
    if undelivered > 0 {
        let why = format!(
            "{} not sent. A replay sends them when the cause is fixed.",
            counted(undelivered, "finding was", "findings were")
        );
        let state = State::new("bad", "Undelivered findings");
        items.push(Item { rank: 2, state, place, why, href, action: "Review" });
    }
}

fn quarantine(runs: &[RunReport]) -> Option<Item> {
    let codes: Vec<_> = runs.iter().map(RunReport::in_quarantine).filter(|codes| !codes.is_empty()).collect();
    let total: u64 = codes.iter().flat_map(|codes| codes.values()).sum();
    (total > 0).then(|| Item {
        rank: 4,
        state: State::new("warn", format!("{} in quarantine", counted(total, "finding", "findings"))),
        place: counted(codes.len() as u64, "run", "runs"),
        why: "They could not be sent, and a retry alone doesn't fix them.".to_owned(),
        href: "/quarantine".to_owned(),
        action: "Review",
    })
}
