//! Contract section 9: injected faults.

use serde_json::json;
use simulator::{Effect, Fault, Operation};

use crate::stage::{finding, stage};

#[test]
fn the_next_calls_fail_and_later_ones_succeed() {
    let stage = stage();
    for (status, name) in
        [(429, "TooManyRequestsException"), (500, "InternalException"), (503, "ServiceUnavailableException")]
    {
        stage.simulator.inject(Fault::error(status).on(Operation::BatchImportFindings).times(2));
        let failed = [stage.import(&[finding("a", 0)]), stage.import(&[finding("a", 0)])];
        assert!(
            failed.iter().all(|response| response.status == status && response.error_type.as_deref() == Some(name))
        );
        assert_eq!(stage.call(Operation::DescribeHub).status, 200);
        assert!(stage.visible().is_empty());
    }
    stage.put(finding("a", 0));
    assert!(stage.simulator.faults().iter().all(|fault| fault.hits == 2));
    assert_eq!(stage.simulator.calls().iter().filter(|call| call.status != 200).count(), 6);
}

#[test]
fn a_connection_lost_after_the_commit_makes_the_next_send_a_duplicate() {
    let stage = stage();
    stage.simulator.inject(Fault::new(Effect::DropConnection { after_commit: true }).times(1));
    assert!(stage.import(&[finding("a", 0)]).dropped);
    assert_eq!(stage.visible().len(), 1);
    stage.put(finding("a", 0));
    let tallies: Vec<_> = stage.simulator.calls().iter().map(|call| (call.dropped, call.tally)).collect();
    assert_eq!((tallies[0].0, tallies[0].1.created), (true, 1));
    let last = tallies.last().unwrap();
    assert_eq!((last.0, last.1.ignored), (false, 1));
}

#[test]
fn an_error_after_the_commit_hides_a_success() {
    let stage = stage();
    let effect = Effect::Error { status: 500, error_type: None, message: None, after_commit: true };
    stage.simulator.inject(Fault::new(effect).times(1));
    assert_eq!(stage.import(&[finding("a", 0)]).status, 500);
    assert_eq!(stage.visible().len(), 1);
}

#[test]
fn single_findings_fail_by_their_id() {
    let stage = stage();
    let effect = Effect::FailFindings {
        id_contains: "poison".to_owned(),
        code: "InternalError".to_owned(),
        message: "try again".to_owned(),
    };
    stage.simulator.inject(Fault::new(effect).times(1));
    let batch = [finding("good", 0), finding("poison-1", 0)];
    let answer = stage.import(&batch).json();
    let failed = json!([{ "Id": "poison-1", "ErrorCode": "InternalError", "ErrorMessage": "try again" }]);
    assert_eq!((&answer["SuccessCount"], &answer["FailedFindings"]), (&json!(1), &failed));
    assert_eq!(stage.import(&batch).json()["FailedCount"], 0);
}

#[test]
fn a_batch_is_rejected_for_one_finding() {
    let stage = stage();
    stage.simulator.inject(Fault::new(Effect::RefuseBatch { id_contains: "poison".to_owned() }));
    let response = stage.import(&[finding("good", 0), finding("poison", 0)]);
    assert_eq!((response.status, response.error_type.as_deref()), (400, Some("InvalidInputException")));
    assert_eq!(stage.import(&[finding("poison", 0)]).status, 400);
    stage.put(finding("good", 0));
    stage.simulator.clear_faults();
    stage.put(finding("poison", 0));
}

#[test]
fn a_subscription_is_removed_between_calls() {
    let stage = stage();
    stage
        .simulator
        .inject(Fault::new(Effect::RemoveSubscription { product: "prowler/prowler".to_owned() }).after(1).times(1));
    stage.put(finding("a", 0));
    assert_eq!(stage.import(&[finding("b", 0)]).error_type.as_deref(), Some("AccessDeniedException"));
}

#[test]
fn latency_is_reported_to_direct_callers_and_adds_up() {
    let stage = stage();
    for ms in [200, 300] {
        stage.simulator.inject(Fault::new(Effect::Latency { ms }).in_region("eu-west-1"));
    }
    assert_eq!(stage.call(Operation::DescribeHub).delay.as_millis(), 500);
}
