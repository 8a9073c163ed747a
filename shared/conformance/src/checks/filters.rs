//! The filters with which the exporter reads only its own findings (contract 2.4, 3.1).

use serde_json::{Value, json};

use crate::check::{Check, Checked, Observation};
use crate::session::{Session, findings};

/// The check.
pub(super) const CHECK: Check = Check {
    id: "filters",
    assumed: "filters by account, Region, product, and Id exclude findings with other values, and are case-sensitive",
    used_by: "an administrator account or an aggregation Region would otherwise archive findings of other accounts and Regions",
    events_max: 1,
    run: |session| Box::pin(run(session)),
};

async fn run(session: &Session<'_>) -> Checked {
    let draft = session.draft("filters");
    session.put_and_watch(&draft).await?;
    let target = session.target;
    let all = json!({
        "AwsAccountId": equals(target.account.as_str()),
        "Region": equals(target.region.as_str()),
        "ProductArn": equals(&target.partition.product_arn(target.region)),
        "Id": equals(draft.id()),
    });
    if returned(session, &all).await? != 1 {
        return Ok(Observation::holds_if(false, "the filters of the exporter don't return the finding"));
    }
    let mut ignored = Vec::new();
    for (name, other) in [
        ("AwsAccountId", "000000000000".to_owned()),
        ("Region", "xx-none-1".to_owned()),
        ("ProductArn", format!("{}-other", target.partition.product_arn(target.region))),
        ("Id", draft.id().to_uppercase()),
    ] {
        let mut filters = all.clone();
        filters[name] = equals(&other);
        if returned(session, &filters).await? > 0 {
            ignored.push(name);
        }
    }
    let observed = if ignored.is_empty() {
        "other values return nothing".to_owned()
    } else {
        format!("another value returns the finding: {}", ignored.join(", "))
    };
    Ok(Observation::holds_if(ignored.is_empty(), observed))
}

/// Number of findings that a filter returns, at most 100.
async fn returned(session: &Session<'_>, filters: &Value) -> Result<usize, crate::stop::Stop> {
    let response = session.page(&json!({ "Filters": filters, "MaxResults": 100 })).await?;
    Ok(findings(&response).len())
}

fn equals(value: &str) -> Value {
    json!([{ "Value": value, "Comparison": "EQUALS" }])
}
