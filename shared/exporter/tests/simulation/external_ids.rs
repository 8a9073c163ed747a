//! The number of trials to assume a role without its External ID: for each one that is denied, CloudTrail records an unauthorized
//! call.

use exporter::connection::Connection;
use exporter::model::integration::Role;
use exporter::ports::CallError;

use crate::checks::{check, integration};
use crate::fake_aws::World;
use crate::{ACCOUNT, world};

const HOUR: u64 = 3600;

fn trials(world: &World) -> u32 {
    world.access().trials
}

fn known(world: &World) -> Connection {
    world.contents().connections[&ACCOUNT.parse().unwrap()].clone()
}

fn set_role(world: &World, name: &str, external_id: Option<&str>) {
    let role = Role::new(format!("arn:aws:iam::{ACCOUNT}:role/{name}"));
    world.access().role = Some(Role { external_id: external_id.map(str::to_owned), ..role });
}

#[tokio::test(start_paused = true)]
async fn a_role_is_tried_without_its_external_id_once_a_day() {
    let world = world(|config| config);
    for _ in 0..24 {
        check(&world, &integration()).await;
        world.sleep(HOUR - 60).await;
    }
    assert_eq!(trials(&world), 2, "at the first check, and at the check a day later");
}

#[tokio::test(start_paused = true)]
async fn another_role_or_external_id_is_tried_immediately() {
    let world = world(|config| config);
    for (nth, (name, external_id)) in [("One", "id"), ("Two", "id"), ("Two", "other")].into_iter().enumerate() {
        set_role(&world, name, Some(external_id));
        for _ in 0..2 {
            check(&world, &integration()).await;
        }
        assert_eq!(trials(&world) as usize, nth + 1, "{name} {external_id}");
        assert_eq!(known(&world).external_id_check.unwrap().external_id, external_id);
    }
    set_role(&world, "Two", None);
    check(&world, &integration()).await;
    assert_eq!((trials(&world), known(&world).external_id_check), (3, None), "the role has no External ID");
}

#[tokio::test(start_paused = true)]
async fn a_risk_is_tried_at_each_check_so_that_its_fix_is_seen() {
    let world = world(|config| config);
    world.access().opens = Ok(true);
    for _ in 0..3 {
        assert_eq!(check(&world, &integration()).await.connection.risks.len(), 1);
    }
    assert_eq!(trials(&world), 3, "a trial that is not denied is not an unauthorized call");
    world.access().opens = Ok(false);
    for _ in 0..3 {
        assert!(check(&world, &integration()).await.connection.risks.is_empty());
    }
    assert_eq!(trials(&world), 4);
}

#[tokio::test(start_paused = true)]
async fn a_trial_without_a_response_is_repeated_at_the_next_check() {
    let world = world(|config| config);
    world.access().opens = Err(CallError::Throttled(String::new()));
    check(&world, &integration()).await;
    assert_eq!(known(&world).external_id_check, None);
    world.access().opens = Ok(false);
    for _ in 0..2 {
        check(&world, &integration()).await;
    }
    assert_eq!(trials(&world), 2);
}
