//! The pages of a list are together the list.

use proptest::prelude::*;
use serde_json::json;

use crate::client::Api;

/// All entries of a list, read page by page.
async fn all(api: &Api, path: &str, limit: usize) -> Vec<serde_json::Value> {
    let mut entries = Vec::new();
    let mut after = String::new();
    loop {
        let response = api.get(&format!("{path}?limit={limit}{after}")).await;
        let items = response.body["items"].as_array().unwrap();
        assert!(items.len() <= limit, "{}", response.text);
        entries.extend(items.iter().cloned());
        match response.body["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return entries,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_pages_of_a_list_are_the_list(count in 0usize..30, limit in 1usize..12) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let api = Api::new();
            for number in 0..count {
                api.post("/providers", &json!({"id": format!("{number:012}")})).await;
            }
            let ids: Vec<String> = (0..count).map(|number| format!("{number:012}")).collect();
            let listed = all(&api, "/providers", limit).await;
            assert_eq!(listed.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), ids);
            let audit_log = all(&api, "/audit", limit).await;
            let mut targets: Vec<&str> = audit_log.iter().map(|entry| entry["target"].as_str().unwrap()).collect();
            targets.reverse();
            assert_eq!(targets, ids, "newest first");
        });
    }
}

#[tokio::test]
async fn invalid_page_parameters_are_rejected() {
    let api = Api::new();
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=1&limit=2", "limit"),
        ("after=", "after"),
        ("after=%00", "after"),
        ("size=3", "size"),
    ] {
        let response = api.get(&format!("/providers?{query}")).await;
        assert_eq!((response.status.as_u16(), response.fields()), (422, vec![field]), "{query}");
    }
}
