//! A missing permission or prerequisite is reported with the action or command that fixes it.

use conformance::{Reason, Stop};
use simulator::{Config, Deny};

use crate::stage::{ACCOUNT, REGION, Stage};

fn denied(action: &str) -> Stage {
    let mut config = Config::one_account(ACCOUNT, &[REGION]).unlimited();
    let action = action.to_owned();
    let deny = Deny { action, regions: Vec::new(), caller: None, explicit: false, policy: None };
    config.account_mut(ACCOUNT).denies.push(deny);
    Stage::with(config)
}

#[tokio::test(start_paused = true)]
async fn a_run_without_permission_imports_nothing_and_names_the_action() {
    for action in ["securityhub:BatchImportFindings", "securityhub:GetFindings"] {
        let stage = denied(action);
        let stop = stage.run().await.unwrap_err();
        assert!(stop.remediation(REGION).unwrap().contains(&format!("add {action} ")), "{stop}");
        assert!(stage.simulator.findings(ACCOUNT, REGION).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_without_permission_is_not_made() {
    for (action, check) in [
        ("securityhub:DescribeHub", "hub-enabled-at"),
        ("securityhub:ListEnabledProductsForImport", "product-subscription"),
    ] {
        let report = denied(action).run().await.unwrap();
        let result = report.checks.iter().find(|result| result.id == check).unwrap();
        assert_eq!(result.reason, Some(Reason::Denied));
        assert!(result.remediation.as_deref().unwrap().contains(action), "{result:?}");
        assert_eq!(report.counts.deviates, 0, "{report:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_of_an_unavailable_region_has_the_command_to_fix_it() {
    let config = || Config::one_account(ACCOUNT, &[REGION]).unlimited();
    let disabled = Stage::with(config().region(ACCOUNT, REGION, |region| region.hub = false));
    let stop = disabled.run().await.unwrap_err();
    assert!(matches!(stop, Stop::HubDisabled(_)), "{stop:?}");
    assert!(stop.remediation(REGION).unwrap().contains("enable-security-hub"));
    let unaccepted = Stage::with(config().region(ACCOUNT, REGION, |region| region.products.clear()));
    let stop = unaccepted.run().await.unwrap_err();
    assert!(matches!(stop, Stop::ProductNotAccepted(_)), "{stop:?}");
    assert!(stop.remediation(REGION).unwrap().contains("enable-import-findings-for-product"));
}
