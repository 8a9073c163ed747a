use super::*;

fn failed() -> PortError {
    PortError { action: "read it".to_owned(), message: "AccessDenied".to_owned() }
}

#[test]
fn a_rule_is_ok_only_if_it_is_enabled_and_matches_the_bucket() {
    let state = |enabled, pattern: &str| Ok(RuleState { enabled, pattern: pattern.to_owned() });
    let of = |state| rule(state, "r", "scans", "eu-west-1");
    assert_eq!(of(state(true, r#"{"detail":{"bucket":{"name":["scans"]}}}"#)).status, Health::Ok);
    assert!(
        of(state(false, r#"["scans"]"#))
            .remediation
            .unwrap()
            .contains("aws events enable-rule --region eu-west-1 --name r")
    );
    assert!(of(state(true, r#"["scans-of-others"]"#)).is_bad());
    let denied = of(Err(failed()));
    assert_eq!(denied.status, Health::Unknown);
    assert!(denied.remediation.unwrap().contains("permission"));
    let odd = of(Err(PortError { message: "unexpected type".to_owned(), ..failed() }));
    assert!(!odd.remediation.unwrap().contains("permission"), "the remediation must not guess the cause");
}

#[test]
fn dead_letters_are_a_problem_with_a_command_to_read_them() {
    assert_eq!(dead_letter_finding("dead letters", "uploads", "https://q", Ok(0), "eu-west-1").status, Health::Ok);
    let found = dead_letter_finding("dead letters", "uploads", "https://q", Ok(3), "eu-west-1");
    assert!(found.is_bad() && found.message.starts_with("3 messages"));
    assert!(found.remediation.unwrap().starts_with("aws sqs receive-message --region eu-west-1 --queue-url https://q"));
}

#[test]
fn a_disabled_schedule_is_shown_with_the_command_that_enables_it() {
    assert_eq!(schedule(Ok((true, "rate(1 hour)".to_owned())), "s", "eu-west-1").status, Health::Ok);
    let off = schedule(Ok((false, String::new())), "s", "eu-west-1");
    assert!(off.is_bad() && off.remediation.unwrap().contains("aws scheduler update-schedule --region eu-west-1"));
}

#[test]
fn the_rule_must_target_the_queue_of_the_function() {
    let of = |arns: &[&str]| {
        let arns = arns.iter().map(ToString::to_string).collect();
        targets(Ok(arns), "r", "https://sqs.eu-west-1.amazonaws.com/1/the-queue")
    };
    assert_eq!(of(&["arn:aws:sqs:eu-west-1:1:the-queue"]).status, Health::Ok);
    assert!(of(&[]).is_bad(), "without a target, nothing is exported");
    assert!(of(&["arn:aws:sqs:eu-west-1:1:another"]).is_bad());
    assert!(targets(Err(failed()), "r", "https://q").is_unknown());
}

#[test]
fn a_function_without_concurrency_is_a_problem() {
    let of = |reserved| concurrency("f", Ok(reserved), "eu-west-1");
    assert_eq!((of(None), of(Some(5))), (None, None));
    let stopped = of(Some(0)).unwrap();
    assert!(
        stopped.is_bad()
            && stopped.remediation.unwrap().contains("aws lambda delete-function-concurrency --region eu-west-1")
    );
    assert!(concurrency("f", Err(failed()), "eu-west-1").unwrap().is_unknown());
}

#[test]
fn a_deleted_alarm_is_a_problem() {
    let names = ["one".to_owned(), "two".to_owned()];
    let alarm = |name: &str, in_alarm| AlarmState { name: name.to_owned(), in_alarm, description: "do it".to_owned() };
    let of = |states| alarms(&names, Ok(states));
    assert_eq!(of(vec![alarm("one", false), alarm("two", false)]), [Finding::ok("alarms", "none of 2 in alarm")]);
    let [gone] = of(vec![alarm("one", false)]).try_into().unwrap();
    assert!(gone.is_bad() && gone.message.starts_with("two was deleted"), "{gone:?}");
    assert_eq!(of(vec![alarm("one", true)]).len(), 2, "one is in alarm, the other was deleted");
    assert!(alarms(&[], Ok(Vec::new()))[0].is_bad());
    assert!(alarms(&names, Err(failed()))[0].is_unknown());
}

#[test]
fn an_unconfirmed_email_subscription_is_a_problem() {
    let of = |found: &[(&str, bool)]| {
        email(Ok(found.iter().map(|(to, is)| ((*to).to_owned(), *is)).collect()), "arn:t", "eu-west-1")
    };
    assert_eq!(of(&[("one@example.com", true)]).status, Health::Ok);
    let unconfirmed = of(&[("one@example.com", true), ("two@example.com", false)]);
    assert!(
        unconfirmed.is_bad() && unconfirmed.message.starts_with("two@example.com has not confirmed"),
        "{unconfirmed:?}"
    );
    assert!(of(&[]).is_bad());
}

#[test]
fn a_deleted_resource_is_a_problem_and_not_unknown() {
    let message = "ResourceNotFoundException: Function not found: manage".to_owned();
    let gone = Finding::unknown("function", &PortError { message, ..failed() });
    assert!(gone.is_bad() && gone.message.contains("manage"), "{gone:?}");
}
