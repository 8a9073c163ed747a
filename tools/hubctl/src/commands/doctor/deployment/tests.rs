use super::*;

fn failed() -> PortError {
    PortError { action: "read it".to_owned(), message: "AccessDenied".to_owned() }
}

#[test]
fn a_rule_is_well_only_if_it_is_on_and_waits_for_the_bucket() {
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
    assert!(!odd.remediation.unwrap().contains("permission"), "nothing is guessed");
}

#[test]
fn dead_letters_are_bad_and_say_how_to_look_at_them() {
    assert_eq!(dead_letter_finding("dead letters", "uploads", "https://q", Ok(0), "eu-west-1").status, Health::Ok);
    let found = dead_letter_finding("dead letters", "uploads", "https://q", Ok(3), "eu-west-1");
    assert!(found.is_bad() && found.message.starts_with("3 messages"));
    assert!(found.remediation.unwrap().starts_with("aws sqs receive-message --region eu-west-1 --queue-url https://q"));
}

#[test]
fn a_schedule_that_is_off_is_switched_on_by_one_command() {
    assert_eq!(schedule(Ok((true, "rate(1 hour)".to_owned())), "s", "eu-west-1").status, Health::Ok);
    let off = schedule(Ok((false, String::new())), "s", "eu-west-1");
    assert!(off.is_bad() && off.remediation.unwrap().contains("aws scheduler update-schedule --region eu-west-1"));
}

#[test]
fn uploads_must_come_to_the_queue_that_the_function_takes_from() {
    let of = |arns: &[&str]| {
        let arns = arns.iter().map(ToString::to_string).collect();
        targets(Ok(arns), "r", "https://sqs.eu-west-1.amazonaws.com/1/the-queue")
    };
    assert_eq!(of(&["arn:aws:sqs:eu-west-1:1:the-queue"]).status, Health::Ok);
    assert!(of(&[]).is_bad(), "a rule without a target exports nothing");
    assert!(of(&["arn:aws:sqs:eu-west-1:1:another"]).is_bad());
    assert!(targets(Err(failed()), "r", "https://q").is_unknown());
}

#[test]
fn a_function_that_may_not_run_is_bad() {
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
fn an_alarm_that_is_gone_is_bad_and_not_silent() {
    let names = ["one".to_owned(), "two".to_owned()];
    let alarm = |name: &str, in_alarm| AlarmState { name: name.to_owned(), in_alarm, description: "do it".to_owned() };
    let of = |states| alarms(&names, Ok(states));
    assert_eq!(of(vec![alarm("one", false), alarm("two", false)]), [Finding::ok("alarms", "none of 2 in alarm")]);
    let [gone] = of(vec![alarm("one", false)]).try_into().unwrap();
    assert!(gone.is_bad() && gone.message.starts_with("two was deleted"), "{gone:?}");
    assert_eq!(of(vec![alarm("one", true)]).len(), 2, "one rings, the other is gone");
    assert!(alarms(&[], Ok(Vec::new()))[0].is_bad());
    assert!(alarms(&names, Err(failed()))[0].is_unknown());
}

#[test]
fn a_mail_that_nobody_confirmed_is_bad() {
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
fn what_is_gone_is_bad_and_not_unknown() {
    let message = "ResourceNotFoundException: Function not found: manage".to_owned();
    let gone = Finding::unknown("function", &PortError { message, ..failed() });
    assert!(gone.is_bad() && gone.message.contains("manage"), "{gone:?}");
}
