//! The attention list of `GET /attention`: one line per item, most urgent first.

use jiff::Timestamp;
use management::wire::{AttentionItem, AttentionKind, AttentionList};

use super::parts::State;
use super::text::{age, clock, count, counted, sentence, time};
use crate::form::encoded;

/// Maximum number of lines until all are requested. The remaining items are counted.
const ITEMS_MAX: usize = 7;

/// An item that needs attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) state: State,
    pub(crate) place: String,
    pub(crate) why: String,
    pub(crate) href: String,
    pub(crate) action: &'static str,
}

/// The lines, and the number of items that are not shown.
pub(crate) struct Attention {
    pub(crate) items: Vec<Item>,
    pub(crate) more: u64,
    /// The number of lines, and of items.
    pub(crate) shown: String,
    /// Whether the page with all lines shows more.
    pub(crate) is_cut: bool,
    pub(crate) summary: String,
}

/// Converts the attention list to its lines: the first ones, or all that the list has.
pub(crate) fn attention(list: &AttentionList, with_all: bool, now: Timestamp) -> Attention {
    let shown = if with_all { list.items.len() } else { ITEMS_MAX.min(list.items.len()) };
    let left_out = (list.items.len() - shown) as u64;
    let more = left_out + list.more;
    let all = counted(list.items.len() as u64 + list.more, "item", "items");
    let newest = list.last_run_at.map(|at| format!(" Last run {}.", clock(at, now)));
    Attention {
        items: list.items.iter().take(shown).map(|item| line(item, now)).collect(),
        more,
        shown: if more == 0 { all } else { format!("{} of {all}", count(shown as u64)) },
        is_cut: left_out > 0,
        summary: format!("Nothing needs attention.{}", newest.unwrap_or_default()),
    }
}

fn line(item: &AttentionItem, now: Timestamp) -> Item {
    let (tone, label) = label(item);
    let account = item.account.as_ref().map(ToString::to_string);
    let name = item.alias.clone().or(account).or_else(|| item.integration.clone());
    let region = item.region.map(|region| region.to_string());
    let since = item.since.map(|at| match item.kind {
        AttentionKind::RegionUnavailable => format!("since {}", time(at, now)),
        AttentionKind::ScanOverdue => format!("due {}, {}", clock(at, now), age(at, now)),
        _ => time(at, now),
    });
    let place: Vec<String> = [name, region, since].into_iter().flatten().collect();
    Item {
        state: State::new(tone, label),
        place: place.join(" · "),
        why: sentence(&item.message),
        href: href(item),
        action: match item.kind {
            AttentionKind::Disconnected | AttentionKind::RegionUnavailable => "Fix",
            AttentionKind::ScanOverdue => "Details",
            AttentionKind::PendingUploads if is_of_run(item) => "Replay",
            AttentionKind::PendingUploads => "Enable and replay",
            _ => "Review",
        },
    }
}

fn label(item: &AttentionItem) -> (&'static str, String) {
    let findings = || counted(item.count, "finding", "findings");
    let (tone, label) = match item.kind {
        AttentionKind::ArchiveRequiresApproval => ("warn", "Archive pending approval".to_owned()),
        AttentionKind::Disconnected if item.count > 1 => {
            ("bad", format!("{} accounts disconnected", count(item.count)))
        }
        AttentionKind::Disconnected => ("bad", "Disconnected".to_owned()),
        AttentionKind::RegionUnavailable if item.count > 1 => {
            ("bad", format!("Region unavailable in {} accounts", count(item.count)))
        }
        AttentionKind::RegionUnavailable => ("bad", "Region unavailable".to_owned()),
        AttentionKind::Undelivered => ("bad", format!("{} undelivered", findings())),
        AttentionKind::JobFailed => ("bad", "Job failed".to_owned()),
        AttentionKind::CoverageLost => ("warn", "Coverage lost".to_owned()),
        AttentionKind::Quarantine => ("warn", format!("{} in quarantine", findings())),
        AttentionKind::ScanOverdue => ("warn", "Scan missing".to_owned()),
        AttentionKind::PendingUploads => ("warn", format!("{} pending", counted(item.count, "upload", "uploads"))),
    };
    (tone, label)
}

/// Whether the pending upload is replayed by its run, since it is not one of the integration.
fn is_of_run(item: &AttentionItem) -> bool {
    item.remediation.starts_with("hubctl run replay ")
}

/// The page that shows the item and what to do about it.
fn href(item: &AttentionItem) -> String {
    let run = item.run_id.as_deref().map(encoded).unwrap_or_default();
    let integration = item.integration.as_deref().map(encoded).unwrap_or_default();
    match item.kind {
        AttentionKind::ArchiveRequiresApproval => format!("/runs/{run}#pending"),
        AttentionKind::CoverageLost => format!("/runs/{run}#unproven"),
        AttentionKind::Undelivered => format!("/runs/{run}"),
        AttentionKind::PendingUploads if is_of_run(item) => format!("/runs/{run}"),
        AttentionKind::Quarantine => "/quarantine".to_owned(),
        AttentionKind::JobFailed => format!("/jobs/{}", item.job_id.as_deref().map(encoded).unwrap_or_default()),
        AttentionKind::Disconnected if item.count > 1 => format!("/accounts?of={integration}&status=Disconnected"),
        AttentionKind::RegionUnavailable if item.count > 1 => format!("/accounts?of={integration}&status=Degraded"),
        AttentionKind::Disconnected
        | AttentionKind::RegionUnavailable
        | AttentionKind::ScanOverdue
        | AttentionKind::PendingUploads => format!("/integrations/{integration}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-27T17:00:00Z";

    fn list(items: &serde_json::Value) -> AttentionList {
        let list =
            serde_json::json!({ "items": items, "more": 2, "runs_read": 9, "last_run_at": "2026-11-27T15:00:00Z" });
        serde_json::from_value(list).unwrap()
    }

    #[test]
    fn a_line_has_the_place_and_the_reason_and_links_to_the_fix() {
        let list = list(&serde_json::json!([
            { "kind": "archive_requires_approval", "account": "123456789012", "run_id": "r1", "count": 80, "total": 120,
              "since": "2026-11-27T03:00:00Z", "message": "80 of 120 would be archived", "remediation": "hubctl run pending r1" },
            { "kind": "region_unavailable", "alias": "production", "integration": "123456789012", "region": "us-east-1", "count": 1,
              "message": "access denied", "remediation": "hubctl integration test 123456789012" },
            { "kind": "pending_uploads", "integration": "123456789012", "run_id": "r2", "count": 2, "message": "m",
              "remediation": "hubctl integration enable 123456789012 --replay" },
            { "kind": "pending_uploads", "integration": "123456789012", "run_id": "r3", "count": 1, "message": "m",
              "remediation": "hubctl run replay r3" },
        ]));
        let shown = attention(&list, false, NOW.parse().unwrap());
        let hrefs: Vec<_> = shown.items.iter().map(|item| (item.href.as_str(), item.action)).collect();
        let expected = [
            ("/runs/r1#pending", "Review"),
            ("/integrations/123456789012", "Fix"),
            ("/integrations/123456789012", "Enable and replay"),
            ("/runs/r3", "Replay"),
        ];
        assert_eq!(hrefs, expected);
        assert_eq!(shown.items[2].state, State::new("warn", "2 uploads pending"));
        assert!(shown.items[0].place.starts_with("123456789012 · "), "{}", shown.items[0].place);
        assert_eq!(shown.items[1].place, "production · us-east-1");
        assert_eq!((shown.more, shown.items[1].why.as_str()), (2, "Access denied."));
    }

    #[test]
    fn items_that_are_not_shown_are_counted() {
        let item =
            serde_json::json!({ "kind": "quarantine", "run_id": "r", "count": 1, "message": "m", "remediation": "c" });
        let all = list(&serde_json::json!(vec![item; 10]));
        let lines = |with_all| attention(&all, with_all, NOW.parse().unwrap());
        let (first, rest) = (lines(false), lines(true));
        assert_eq!((first.items.len(), first.more, first.is_cut, first.shown.as_str()), (7, 5, true, "7 of 12 items"));
        assert_eq!((rest.items.len(), rest.more, rest.is_cut), (10, 2, false));
        assert!(attention(&list(&serde_json::json!([])), false, NOW.parse().unwrap()).summary.contains("Last run"));
    }
}
