use exporter::connection::RegionConnection;
use jiff::Timestamp;
use runtime::logs::capture::written;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::*;

fn checked(account: &str, provider: &str, enabled: &[&str], lost: &[&str]) -> Report {
    let at: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
    let region = |name: &&str, on: bool| {
        let problem = Problem {
            reason: "hub_not_enabled".to_owned(),
            message: "Security Hub is not enabled".to_owned(),
            remediation: Some(format!("aws securityhub enable-security-hub --region {name}")),
        };
        let status = if on { RegionStatus::Enabled } else { RegionStatus::HubNotEnabled };
        let (unavailable_since, problem) = if on { (None, None) } else { (Some(at), Some(problem)) };
        (name.parse().unwrap(), RegionConnection { status, since: at, problem, unavailable_since, stale_since: None })
    };
    let regions = enabled.iter().map(|name| region(name, true)).chain(lost.iter().map(|name| region(name, false)));
    let connection = Connection {
        account: account.parse().unwrap(),
        provider: provider.parse().unwrap(),
        status: if lost.is_empty() { ConnectionStatus::Connected } else { ConnectionStatus::Degraded },
        checked_at: at,
        stale_since: None,
        identity: None,
        problem: None,
        risks: Vec::new(),
        external_id_check: None,
        regions: regions.collect(),
    };
    Report { connection, took_ms: 1_234, events: Vec::new(), export_due_at: None }
}

#[test]
fn a_check_is_one_line_with_dotted_fields_and_the_remediation() {
    let checked = checked("123456789012", "o-a1b2c3d4e5", &["us-east-1"], &["eu-west-1"]);
    let lines = written(LevelFilter::INFO, "check_connections", || log_check(&checked));
    let [line] = lines.try_into().unwrap();
    for (field, value) in [
        ("level", json!("WARN")),
        ("integration.id", json!("o-a1b2c3d4e5")),
        ("account", json!("123456789012")),
        ("connection.status", json!("degraded")),
        ("regions.enabled", json!(1)),
        ("regions.lost", json!(1)),
        ("regions.checked", json!(2)),
        ("problem.reason", json!("hub_not_enabled")),
        ("problem.remediation", json!("aws securityhub enable-security-hub --region eu-west-1")),
        ("duration_ms", json!(1234)),
    ] {
        assert_eq!(line[field], value, "{field}: {line}");
    }
}

#[test]
fn an_organization_has_one_value_for_each_account() {
    let checks = [
        checked("111111111111", "o-a1b2c3d4e5", &["us-east-1", "eu-west-1"], &[]),
        checked("222222222222", "o-a1b2c3d4e5", &["us-east-1"], &["eu-west-1"]),
        checked("333333333333", "333333333333", &["us-east-1"], &[]),
    ];
    let all = metrics(checks.iter());
    let of = |id: &str| {
        let metrics = &all[&id.parse().unwrap()];
        metrics.iter().map(|metric| (metric.name, metric.values.clone())).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(of("o-a1b2c3d4e5")["Connected"], [1.0, 1.0]);
    assert_eq!(of("o-a1b2c3d4e5")["RegionsAvailable"], [2.0, 1.0]);
    assert_eq!(of("o-a1b2c3d4e5")["RegionsUnavailable"], [0.0, 1.0]);
    assert_eq!(of("333333333333")["CheckDuration"], [1234.0]);
}

#[test]
fn an_account_that_was_not_checked_is_logged_as_an_error() {
    let failed = Failed {
        account: "123456789012".parse().unwrap(),
        provider: "o-a1b2c3d4e5".parse().unwrap(),
        reason: "internal error".to_owned(),
    };
    let lines = written(LevelFilter::ERROR, "check_connections", || log_failure(&failed));
    let [line] = lines.try_into().unwrap();
    assert_eq!((&line["level"], &line["account"]), (&json!("ERROR"), &json!("123456789012")));
    assert_eq!((&line["integration.id"], &line["reason"]), (&json!("o-a1b2c3d4e5"), &json!("internal error")));
    assert_eq!(not_checked("check", 3).metrics[0].values, [3.0]);
}
