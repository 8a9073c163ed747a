use runtime::isolation::scripts::script;
use serde_json::json;

use super::*;

/// A child that reports one of its accounts as checked.
const ONE: &str = r#"account=$(echo "$input" | sed 's/.*"account":"\([0-9]*\)".*/\1/')
echo "{\"checked\":[{\"connection\":{\"account\":\"$account\",\"provider\":\"$account\",\"status\":\"connected\",
\"checked_at\":\"2026-11-23T00:00:00Z\",\"regions\":{}},\"took_ms\":1,\"events\":[]}],\"not_reached\":[],\"problems\":[\"p\"]}""#;

fn account(number: usize) -> AccountId {
    format!("{:012}", 100_000_000_000 + number).parse().unwrap()
}

fn targets(accounts: usize) -> Vec<CheckTarget> {
    (0..accounts).map(account).map(|of| CheckTarget::new(of, Arc::new(Integration::new(of)))).collect()
}

async fn outcome(name: &str, text: &str, accounts: usize, left: Duration) -> Outcome {
    let isolation = script(name, &format!("input=$(cat)\n{text}")).unwrap();
    run(&isolation, "q1", &targets(accounts), Some(Instant::now() + left)).await.unwrap()
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_account_that_kills_a_process_does_not_stop_the_others() {
    let dies = r#"case "$input" in *100000000003*) kill -ABRT $$;; esac"#;
    let outcome = outcome("one-dies", &format!("{dies}\n{ONE}"), 7, MINUTE).await;
    let mut checked: Vec<_> = outcome.checked.iter().map(|report| report.connection.account).collect();
    checked.sort();
    assert_eq!(checked, [0, 1, 2, 4, 5, 6].map(account));
    assert_eq!(outcome.failed.iter().map(|failed| failed.account).collect::<Vec<_>>(), [account(3)]);
    assert!(outcome.failed[0].reason.contains("internal error"), "{outcome:?}");
    assert_eq!((outcome.not_reached.len(), outcome.problems), (0, vec!["p".to_owned()]));
}

#[tokio::test]
async fn one_child_is_enough_if_it_does_not_die() {
    let outcome = outcome("one-child", ONE, 3, MINUTE).await;
    assert_eq!((outcome.checked.len(), outcome.failed.len()), (1, 0), "the script reports one of three accounts");
}

#[tokio::test]
async fn a_single_account_is_checked_once() {
    let dir = std::env::temp_dir().join(format!("tried-{}", std::process::id()));
    let text = format!("mkdir {} || exit 0\nkill -ABRT $$", dir.display());
    let outcome = outcome("single", &text, 1, MINUTE).await;
    std::fs::remove_dir(dir).unwrap();
    assert_eq!((outcome.checked.len(), outcome.failed.len()), (0, 1));
}

#[tokio::test]
async fn accounts_out_of_time_are_not_reached_and_a_hung_child_fails() {
    let late = outcome("late", "kill -ABRT $$", 3, PUBLISH_RESERVE).await;
    assert_eq!((late.not_reached.len(), late.failed.len()), (3, 0));
    let hangs = outcome("hangs", "exec sleep 60", 3, PARENT_RESERVE + Duration::from_millis(300)).await;
    assert_eq!((hangs.not_reached.len(), hangs.failed.len()), (0, 3));
    assert!(hangs.failed[0].reason.contains("deadline exceeded"), "{hangs:?}");
}

#[tokio::test]
async fn a_truncated_result_is_discarded() {
    let outcome = outcome("cut", "echo '{\"checked\":['", 2, MINUTE).await;
    assert_eq!((outcome.checked.len(), outcome.failed.len()), (0, 2));
}

#[test]
fn a_child_has_the_targets_of_its_parent() {
    let mut targets = targets(2);
    targets[1].rejecting_regions = BTreeSet::from(["eu-west-1".parse().unwrap()]);
    let sent = serde_json::to_value(Share::new("q1", &targets)).unwrap();
    assert_eq!(sent["request_id"], json!("q1"));
    assert_eq!(serde_json::from_value::<Share>(sent).unwrap().into_targets(), targets);
}
