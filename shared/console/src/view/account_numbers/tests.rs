use exporter::model::integration::Integration;
use exporter::model::provider::Provider;
use exporter::ports::settings_store::Stored;
use management::wire::{ConnectionStatus, ConnectionSummary, IntegrationView, ProviderView};
use serde_json::json;

use super::*;

const ACCOUNT: &str = "123456789012";
const ORGANIZATION: &str = "o-a1b2c3d4e5";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-27T17:42:08Z")
}

fn connection(provider: &str) -> Connection {
    let json =
        json!({"account": ACCOUNT, "provider": provider, "status": "connected", "checked_at": now(), "regions": {}});
    serde_json::from_value(json).unwrap()
}

/// The scans that are awaited of an integration of 2026-11-01.
fn awaited(
    provider: &str,
    schedule: Option<&str>,
    change: impl FnOnce(&mut Integration),
) -> BTreeMap<ProviderId, Awaited> {
    let id: ProviderId = provider.parse().unwrap();
    let created_at = at("2026-11-01T00:00:00Z");
    let mut of = Provider::new(id.clone());
    of.scan_schedule = schedule.map(str::to_owned);
    let mut integration = Integration::new(id);
    change(&mut integration);
    let summary = ConnectionSummary {
        status: ConnectionStatus::Connected,
        last_checked_at: None,
        stale_since: None,
        regions: Vec::new(),
        accounts: 1,
        accounts_disconnected: 0,
        accounts_not_reached: 0,
        problem: None,
    };
    let scans_expected_since = integration.expects_scans_since(created_at, &of);
    let view = IntegrationView::of(&Stored::new(integration, created_at, ""), None, summary);
    let view = IntegrationView { scans_expected_since, ..view };
    Awaited::of(&view, &[ProviderView::of(&Stored::new(of, created_at, ""))]).into_iter().collect()
}

fn list(items: &serde_json::Value) -> HistoryList {
    serde_json::from_value(json!({"from": "2026-10-29", "to": "2026-11-27", "items": items, "next": null})).unwrap()
}

fn item(account: &str, last_scan_at: Option<&str>) -> serde_json::Value {
    let mut item = json!({"account": account, "runs": 1, "sent": 5, "unchanged": 0, "archived": 0, "errors": 2,
        "unavailable": 0, "throttled": 0, "active": {"at": "2026-11-27T03:00:00Z", "run_id": "r", "findings": 70}});
    if let Some(at) = last_scan_at {
        item["last_scan_at"] = json!(at);
    }
    item
}

fn numbers(sums: Option<&HistoryList>, awaited: &BTreeMap<ProviderId, Awaited>, provider: &str) -> AccountNumbers {
    AllNumbers::new(sums, Some(awaited), now()).of(&connection(provider))
}

#[test]
fn what_was_not_read_is_unknown_and_an_account_without_a_run_has_0() {
    let none = BTreeMap::new();
    let unknown =
        AccountNumbers { last_scan: LastScan::Unknown, is_missing: false, active: None, sent: None, errors: None };
    assert_eq!(numbers(None, &none, ACCOUNT), unknown);
    let empty = AccountNumbers { last_scan: LastScan::None, sent: Some(0), errors: Some(0), ..unknown };
    assert_eq!(numbers(Some(&list(&json!([]))), &none, ACCOUNT), empty, "the active findings stay unknown");
    let found = AccountNumbers { active: Some(70), sent: Some(5), errors: Some(2), ..unknown };
    assert_eq!(numbers(Some(&list(&json!([item(ACCOUNT, None)]))), &none, ACCOUNT), found, "an earlier release");
    let cut = HistoryList { next: "2026-11-20".parse().ok(), ..list(&json!([])) };
    assert_eq!(numbers(Some(&cut), &none, ACCOUNT), unknown, "earlier days were not read");
    // A run of more accounts than its entry can name: the account may be among the others.
    let merged = list(&json!([item("other", None)]));
    assert_eq!(numbers(Some(&merged), &none, ACCOUNT), unknown);
    let mut malformed = merged;
    malformed.items[0].sent = 0;
    assert_eq!(numbers(Some(&malformed), &none, ACCOUNT), empty, "malformed entries belong to no account");
}

#[test]
fn a_scan_is_missing_by_the_schedule_of_the_provider() {
    let daily = "cron(0 3 * * ? *)";
    let is_missing = |provider: &str, schedule: Option<&str>, last: Option<&str>| {
        let items = last.map_or(json!([]), |last| json!([item(ACCOUNT, Some(last))]));
        numbers(Some(&list(&items)), &awaited(provider, schedule, |_| {}), provider).is_missing
    };
    for provider in [ACCOUNT, ORGANIZATION] {
        assert!(!is_missing(provider, Some(daily), Some("2026-11-27T03:00:00Z")));
        assert!(is_missing(provider, Some(daily), Some("2026-11-26T03:00:00Z")));
        assert!(is_missing(provider, Some("rate(12 hours)"), Some("2026-11-26T23:00:00Z")));
        assert!(!is_missing(provider, Some("rate(12 hours)"), Some("2026-11-27T00:00:00Z")), "6 hours are allowed");
        assert!(!is_missing(provider, None, Some("2026-11-01T03:00:00Z")), "no schedule");
    }
    assert!(is_missing(ACCOUNT, Some(daily), None), "the account was never scanned");
    assert!(!is_missing(ORGANIZATION, Some(daily), None), "accounts of an organization may never be scanned");
}

#[test]
fn no_scan_is_awaited_of_a_disabled_integration_or_unknown_runs() {
    let daily = Some("cron(0 3 * * ? *)");
    assert!(awaited(ACCOUNT, daily, |integration| integration.settings.enabled = false).is_empty());
    assert!(awaited(ACCOUNT, daily, |integration| integration.deletion_requested_at = Some(now())).is_empty());
    assert!(!numbers(None, &awaited(ACCOUNT, daily, |_| {}), ACCOUNT).is_missing);
}
