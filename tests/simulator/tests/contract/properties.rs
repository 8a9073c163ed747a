//! Rules that hold for any input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::stage::{finding, stage, with};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Contract 1.5: whatever the order of versions, the newest one is stored, and every finding is counted once.
    #[test]
    fn contract_1_5_the_newest_version_wins(sent in prop::collection::vec((0_u8..5, 0_u32..50), 1..60)) {
        let stage = stage();
        let mut newest: BTreeMap<String, u32> = BTreeMap::new();
        let mut changes = 0;
        for (id, second) in &sent {
            let id = format!("f{id}");
            stage.put(with(finding(&id, *second), json!({ "Title": format!("at {second}") })));
            let known = newest.get(&id);
            if known.is_none_or(|known| second > known) {
                changes += 1;
                newest.insert(id, *second);
            }
        }
        let findings = stage.visible();
        let titles: BTreeMap<String, String> = findings.iter().map(|finding| {
            (finding["Id"].as_str().unwrap().to_owned(), finding["Title"].as_str().unwrap().to_owned())
        }).collect();
        let expected: BTreeMap<String, String> =
            newest.iter().map(|(id, second)| (id.clone(), format!("at {second}"))).collect();
        prop_assert_eq!(titles, expected);
        let region = &stage.simulator.summary()[0];
        prop_assert_eq!(region.billed_events, changes);
        prop_assert_eq!(region.imports.created + region.imports.updated + region.imports.ignored, sent.len());
    }

    /// Contract 1.1: SuccessCount and FailedCount add up to the number of sent findings, and pages have each finding once.
    #[test]
    fn contract_1_1_the_counts_add_up(titles in prop::collection::vec("[a ]{0,2}|.{250,260}", 1..100), size in 1_usize..30) {
        let stage = stage();
        let batch: Vec<Value> = titles.iter().enumerate().map(|(number, title)| {
            with(finding(&format!("f{number}"), 0), json!({ "Title": title }))
        }).collect();
        let answer = stage.import(&batch).json();
        let count = |name: &str| usize::try_from(answer[name].as_u64().unwrap()).unwrap();
        prop_assert_eq!(count("SuccessCount") + count("FailedCount"), batch.len());
        prop_assert_eq!(count("FailedCount"), answer["FailedFindings"].as_array().unwrap().len());
        let good = titles.iter().filter(|title| (1..=256).contains(&title.chars().count())).count();
        prop_assert_eq!(count("SuccessCount"), good);

        let mut request = json!({ "MaxResults": size });
        let mut seen = Vec::new();
        loop {
            let page = stage.read(&request).json();
            seen.extend(page["Findings"].as_array().unwrap().iter().map(|finding| finding["Id"].clone()));
            match page.get("NextToken") {
                Some(token) => request["NextToken"] = token.clone(),
                None => break,
            }
        }
        prop_assert_eq!(seen.len(), good);
        seen.dedup();
        prop_assert_eq!(seen.len(), good);
    }

    /// Any bytes get a response and cause no panic.
    #[test]
    fn any_body_gets_a_response(body in prop::collection::vec(any::<u8>(), 0..200), near in "[\\[\\]{}\":,a1\\\\]{0,60}") {
        let stage = stage();
        prop_assert_eq!(stage.simulator.batch_import_findings(&stage.caller, stage.region, &body).status, 400);
        let wrapped = format!("{{\"Findings\":[{{\"Id\":\"a\",{near}}}]}}");
        let status = stage.simulator.batch_import_findings(&stage.caller, stage.region, wrapped.as_bytes()).status;
        prop_assert!(status == 400 || status == 500);
        let _ = stage.simulator.get_findings(&stage.caller, stage.region, near.as_bytes());
    }
}
