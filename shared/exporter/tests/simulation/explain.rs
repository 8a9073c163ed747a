//! Explanations of one finding.

use exporter::explain::{Explanation, FindingName, explain};
use exporter::jobs::Options;
use simulator::{Effect, Fault};

use crate::evidence::{base, begun, scans, without};
use crate::fake_aws::World;
use crate::promises::{failed, scan};
use crate::{ACCOUNT, export, integrate, runner, world};

async fn explained(world: &World, id: &str) -> Explanation {
    let fake_aws = world.ports();
    let mut runs = world.contents().runs.clone();
    runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
    explain(fake_aws.as_ref(), id, FindingName::parse(id).unwrap(), &runs, true).await.unwrap()
}

fn notes(explanation: &Explanation) -> Vec<&str> {
    explanation.runs.iter().map(|run| run.note.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_finding_has_a_history() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(30));
    let id = first.results[7].id(first.account);
    let sent = export(&world, first.upload("1")).await;
    world.sleep(3600).await;
    export(&world, scan(1, failed(30)).upload("2")).await;
    let explanation = explained(&world, &id).await;
    let [exported] = explanation.exported_state.as_slice() else { panic!("{:?}", explanation.exported_state) };
    assert_eq!(
        (exported.region.as_str(), exported.state.as_str(), exported.status.as_str()),
        ("eu-west-1", "active", "FAILED")
    );
    assert_eq!((exported.first_seen, exported.sent_by.as_deref()), (first.at, Some(sent.run_id.as_str())));
    assert_eq!(exported.finding["Id"], id.as_str());
    let same = "did not send it: it was unchanged, or absent from the scan";
    assert_eq!(notes(&explanation), [same, "sent it"]);
    let [in_hub] = explanation.security_hub.as_slice() else { panic!("{:?}", explanation.security_hub) };
    assert_eq!((in_hub.record_state.as_deref(), in_hub.workflow.as_deref()), (Some("ACTIVE"), Some("NEW")));

    world.sleep(3600).await;
    let mut results = failed(30);
    results[7].failed = false;
    let run = export(&world, scan(2, results).upload("3")).await;
    let explanation = explained(&world, &id).await;
    assert_eq!(
        (&*explanation.exported_state[0].state, explanation.exported_state[0].archived_as.as_deref()),
        ("archived", Some("passed"))
    );
    assert_eq!(explanation.exported_state[0].status, "FAILED", "the status that it had");
    assert_eq!(explanation.security_hub[0].record_state.as_deref(), Some("ARCHIVED"));
    assert_eq!(notes(&explanation)[0], "archived it: it passed");

    world.sleep(3600).await;
    runner(&world).undo_archive(&run.run_id, &Options::default()).await.unwrap();
    let explanation = explained(&world, &id).await;
    assert_eq!((&*explanation.exported_state[0].state, notes(&explanation)[0]), ("active", "reactivated it"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_finding_is_explained() {
    let world = world(|config| config.region(ACCOUNT, "sa-east-1", |region| region.hub = false));
    integrate(&world, ACCOUNT, |integration| integration.severity_min = Some(asff::SeverityLabel::Critical));
    let first = scan(0, failed(30));
    let id = |number: usize| first.results[number].id(first.account);
    export(&world, first.upload("1")).await;
    let explanation = explained(&world, &id(1)).await;
    assert_eq!((explanation.exported_state.len(), explanation.security_hub[0].record_state.as_deref()), (0, None));
    let words = "did not send it: it was absent from the scan, or was filtered or undelivered (30 low_severity)";
    assert_eq!(notes(&explanation), [words]);

    world.sleep(3600).await;
    integrate(&world, ACCOUNT, |_| {});
    world.simulator.inject(Fault::new(Effect::FailFindings {
        id_contains: id(1),
        code: "InvalidInput".to_owned(),
        message: "no".to_owned(),
    }));
    let run = export(&world, scan(1, failed(30)).upload("2")).await;
    let explanation = explained(&world, &id(1)).await;
    let [kept] = explanation.quarantine.as_slice() else { panic!("{:?}", explanation.quarantine) };
    assert_eq!((kept.run_id.as_str(), kept.entry, kept.code.as_str()), (run.run_id.as_str(), 1, "InvalidInput"));
    assert_eq!(notes(&explanation)[0], "quarantined it");
    let unavailable = explained(&world, &id(2)).await;
    assert_eq!(notes(&unavailable)[0], "sa-east-1 was unavailable: hub_not_enabled");
    assert!(unavailable.security_hub[0].error.is_some());

    integrate(&world, ACCOUNT, |integration| {
        integration.enabled = false;
        integration.regions = Some(vec!["us-east-1".parse().unwrap()]);
    });
    let explanation = explained(&world, &id(1)).await;
    assert_eq!(explanation.notes.len(), 2, "{:?}", explanation.notes);
}

#[tokio::test(start_paused = true)]
async fn of_runs_in_quick_succession_the_sending_one_is_reported() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let first = scan(0, failed(30));
    let sent = export(&world, first.upload("1")).await;
    world.sleep(1).await;
    assert_eq!(export(&world, first.upload("the same elsewhere")).await.counts.unchanged, 30);
    let explanation = explained(&world, &first.results[7].id(first.account)).await;
    assert_eq!(explanation.exported_state[0].sent_by, Some(sent.run_id));
    assert_eq!(notes(&explanation)[1], "sent it");
}

#[tokio::test(start_paused = true)]
async fn an_unproven_finding_is_explained_with_the_command_to_approve_it() {
    let world = begun(|_| {}).await;
    let account = ACCOUNT.parse().unwrap();
    let blind = without(|one| one.region == "eu-west-1");
    let run = scans(&world, 1..2, &blind).await;
    let id = base().iter().find(|one| one.region == "eu-west-1").unwrap().id(account);
    let explanation = explained(&world, &id).await;
    let stays = explanation.stays_active.unwrap();
    assert_eq!((stays.run_id, stays.reason.as_str()), (run.run_id.clone(), "no_region_results"));
    let because = "the newest scan does not prove that it is resolved, because the scan has no results for the Region";
    assert_eq!(
        (stays.message.as_str(), stays.command),
        (because, format!("hubctl run approve {} --unproven", run.run_id))
    );
    // A finding that is in the scan is not waiting for approval.
    let seen = blind[0].id(account);
    assert_eq!(explained(&world, &seen).await.stays_active, None);
}

#[tokio::test(start_paused = true)]
async fn an_absent_finding_is_explained_with_its_count_and_the_threshold() {
    let world = begun(|integration| integration.absent_scans = 3).await;
    // The check has no results in the Region, but other checks have.
    let one = base().into_iter().find(|one| one.region == "eu-west-1").unwrap();
    let results = without(|other| other.check == one.check && other.region == one.region);
    let report = scans(&world, 1..3, &results).await;
    assert!(report.counts.absent > 0 && report.counts.archived == 0, "{:?}", report.counts);
    let explanation = explained(&world, &one.id(ACCOUNT.parse().unwrap())).await;
    assert_eq!((explanation.exported_state[0].absent, explanation.stays_active), (Some(2), None));
    let note =
        "it is absent from the 2 newest scans and stays active until it is absent from 3 in a row (absent_scans)";
    assert_eq!(explanation.notes, [note]);
}
