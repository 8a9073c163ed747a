use std::collections::BTreeMap;

use exporter::connection::{Problem, RegionConnection, RegionStatus};
use jiff::Timestamp;

use super::deployment::Health;
use super::*;
use crate::config::Style;

const PAPER: Style = Style { terminal: false, color: false, width: 80 };

fn at() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

fn region(status: RegionStatus, lost: bool, name: &str) -> RegionConnection {
    let problem = Problem {
        reason: "hub_not_enabled".to_owned(),
        message: "Security Hub is not enabled".to_owned(),
        remediation: Some(format!("aws securityhub enable-security-hub --no-enable-default-standards --region {name}")),
    };
    let problem = (status != RegionStatus::Enabled).then_some(problem);
    RegionConnection { status, since: at(), problem, unavailable_since: lost.then(at), stale_since: None }
}

fn connection(account: &str, status: ConnectionStatus, regions: &[(&str, RegionStatus, bool)]) -> Connection {
    let regions = regions.iter().map(|(name, status, lost)| (name.parse().unwrap(), region(*status, *lost, name)));
    Connection {
        account: account.parse().unwrap(),
        provider: account.parse().unwrap(),
        status,
        checked_at: at(),
        stale_since: None,
        identity: None,
        problem: None,
        risks: Vec::new(),
        external_id_check: None,
        regions: regions.collect::<BTreeMap<_, _>>(),
    }
}

fn refused(account: &str, reason: &str) -> Connection {
    let problem = Problem {
        reason: reason.to_owned(),
        message: "failed to assume arn:aws:iam::210987654321:role/SecurityHubExporter".to_owned(),
        remediation: Some(
            "aws iam get-role --role-name SecurityHubExporter --query Role.AssumeRolePolicyDocument".to_owned(),
        ),
    };
    Connection { problem: Some(problem), ..connection(account, ConnectionStatus::Disconnected, &[]) }
}

fn diagnosis(connections: Vec<Connection>) -> Diagnosis {
    Diagnosis {
        status: "",
        deployment: Vec::new(),
        connections,
        problems: Vec::new(),
        gaps: BTreeMap::new(),
        is_caller_denied: false,
    }
}

fn connected() -> Connection {
    use RegionStatus::{Enabled, HubNotEnabled};
    let regions = [("eu-west-1", Enabled, false), ("us-east-1", Enabled, false), ("us-west-2", HubNotEnabled, false)];
    connection("123456789012", ConnectionStatus::Connected, &regions)
}

fn degraded() -> Connection {
    use RegionStatus::{AccessDenied, Enabled, HubNotEnabled, RegionNotOptedIn};
    let regions = [
        ("ap-southeast-2", HubNotEnabled, false),
        ("eu-south-1", RegionNotOptedIn, false),
        ("eu-west-1", HubNotEnabled, true),
        ("sa-east-1", AccessDenied, false),
        ("us-east-1", Enabled, false),
        ("us-west-2", HubNotEnabled, false),
    ];
    connection("123456789012", ConnectionStatus::Degraded, &regions)
}

fn shown(diagnosis: &Diagnosis) -> String {
    Output::written(PAPER, |output| text::write(diagnosis, false, output))
}

#[test]
fn the_exit_code_distinguishes_credentials_from_regions() {
    assert_eq!(exit(&diagnosis(vec![connected()])), Exit::Success);
    assert_eq!(exit(&diagnosis(vec![connected(), degraded()])), Exit::Degraded);
    assert_eq!(exit(&diagnosis(vec![degraded(), refused("210987654321", "assume_role_denied")])), Exit::Credentials);
    let bad = Finding { check: "queue", status: Health::Bad, message: "m".to_owned(), remediation: None };
    let unknown = Finding { status: Health::Unknown, ..bad.clone() };
    assert_eq!(exit(&Diagnosis { deployment: vec![bad], ..diagnosis(vec![connected()]) }), Exit::Degraded);
    assert_eq!(exit(&Diagnosis { deployment: vec![unknown], ..diagnosis(vec![connected()]) }), Exit::Error);
    assert_eq!(exit(&Diagnosis { problems: vec!["p".to_owned()], ..diagnosis(vec![connected()]) }), Exit::Degraded);
    assert_eq!(exit(&Diagnosis { is_caller_denied: true, ..diagnosis(vec![connected()]) }), Exit::Credentials);
}

/// If the function can't be invoked, that is one problem in addition to the results of the deployment's checks.
#[test]
fn a_failed_invocation_does_not_hide_other_results() {
    let failure = Failure::new(Exit::Error, "failed to invoke it: there is no such function");
    let deployment =
        vec![Finding { check: "queue", status: Health::Ok, message: "0 uploads wait".to_owned(), remediation: None }];
    let diagnosis = Diagnosis { deployment, problems: vec![not_invoked(&failure)], ..diagnosis(Vec::new()) };
    let text = shown(&diagnosis);
    assert!(text.contains("0 uploads wait") && text.contains("no such function"), "{text}");
    assert!(text.contains("hubctl doctor --local") && !text.contains("No integrations"), "{text}");
    assert_eq!(exit(&diagnosis), Exit::Degraded);
}

#[test]
fn no_problems_found_is_reported() {
    insta::assert_snapshot!("well", shown(&diagnosis(vec![connected()])));
}

#[test]
fn problems_are_shown_with_the_commands_that_fix_them() {
    let deployment = vec![
        Finding { check: "queue", status: Health::Ok, message: "0 uploads wait".to_owned(), remediation: None },
        Finding {
            check: "upload rule",
            status: Health::Bad,
            message: "the-rule is disabled: no upload is exported".to_owned(),
            remediation: Some("aws events enable-rule --region eu-west-1 --name the-rule".to_owned()),
        },
    ];
    let connections = vec![degraded(), refused("210987654321", "assume_role_denied")];
    insta::assert_snapshot!("wrong", shown(&Diagnosis { deployment, ..diagnosis(connections) }));
}

#[test]
fn all_regions_are_shown_with_the_commands_that_enable_them() {
    let text = Output::written(PAPER, |output| text::write(&diagnosis(vec![connected()]), true, output));
    assert!(
        text.contains("aws securityhub enable-security-hub --no-enable-default-standards --region us-west-2"),
        "{text}"
    );
}

#[test]
fn service_messages_can_not_control_the_terminal() {
    let mut tricky = refused("210987654321", "assume_role_denied");
    if let Some(problem) = &mut tricky.problem {
        problem.message = "\u{1b}[2J".to_owned();
        problem.remediation = Some("first\n\u{1b}]0;title\u{7}second".to_owned());
    }
    assert!(!shown(&diagnosis(vec![tricky])).contains('\u{1b}'));
}

#[test]
fn an_account_without_a_response_is_a_problem() {
    let passing =
        Problem { reason: "not_checked".to_owned(), message: "STS answered 503".to_owned(), remediation: None };
    let silent = Connection { stale_since: Some(at()), problem: Some(passing), ..connected() };
    let diagnosis = diagnosis(vec![silent]);
    assert_eq!(exit(&diagnosis), Exit::Error);
    let text = shown(&diagnosis);
    assert!(text.contains("known: no response)") && text.contains("STS answered 503"), "{text}");
    assert!(!text.contains("No problems found"), "{text}");
}

#[test]
fn an_unavailable_selected_region_is_shown_with_its_fix() {
    let mut named = diagnosis(vec![connected()]);
    named.gaps.insert("123456789012".parse().unwrap(), ["us-west-2".parse().unwrap()].into());
    assert_eq!(exit(&named), Exit::Degraded);
    let text = shown(&named);
    assert!(text.contains("123456789012 in us-west-2: Security Hub is not enabled"), "{text}");
}

#[test]
fn an_account_that_was_not_checked_is_a_problem() {
    let target = |account: &str| {
        let account = account.parse().unwrap();
        CheckTarget::new(account, std::sync::Arc::new(exporter::model::integration::Integration::new(account)))
    };
    let targets = [target("123456789012"), target("210987654321")];
    assert_eq!(not_checked(&targets[..1], &[connected()]), None);
    let message = not_checked(&targets, &[connected()]).unwrap();
    assert_eq!(message, "1 of 2 accounts were checked; the first account not checked is 210987654321");
}
