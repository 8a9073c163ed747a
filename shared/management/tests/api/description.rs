//! The API's description is up to date, and matches the routes and the types.

use exporter::connection::{ExternalIdCheck, Problem, RegionStatus};
use exporter::model::integration::{SETTINGS, SettingKind};
use exporter::model::upload::UploadInfo;
use exporter::ports::settings_store::{AuditEntry, FieldChange};
use exporter::report::RunReport;
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api, connected};

/// The description that is stored in the repository.
const WRITTEN: &str = include_str!("../../openapi.json");

#[test]
fn openapi_json_is_up_to_date() {
    let now = serde_json::to_string_pretty(&management::document()).unwrap() + "\n";
    assert!(now == WRITTEN, "shared/management/openapi.json is out of date: make openapi");
}

#[tokio::test]
async fn every_described_path_has_a_route() {
    let api = Api::new();
    let document = api.get("/openapi.json").await;
    assert_eq!(document.body["openapi"], "3.1.0");
    let paths = document.body["paths"].as_object().unwrap();
    assert!(paths.len() >= 20, "{paths:?}");
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let address = path.replace("{id}", ACCOUNT);
            let response = api.send(&method.to_uppercase(), &address, &[], "").await;
            let problem = response.body["type"].as_str().unwrap_or_default();
            assert!(
                !problem.ends_with("route-not-found") && !problem.ends_with("method-not-allowed"),
                "{method} {path}: {}",
                response.text
            );
        }
    }
}

#[test]
fn a_patch_has_all_settings_except_credentials() {
    let schemas = serde_json::to_value(management::document()).unwrap()["components"]["schemas"].clone();
    let names = |schema: &str| schemas[schema]["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut body = names("IntegrationBody");
    body.retain(|name| name != "credentials");
    assert_eq!(body, names("IntegrationPatch"));
}

#[test]
fn the_schemas_have_the_limits_that_settings_are_validated_with() {
    let schemas = serde_json::to_value(management::document()).unwrap()["components"]["schemas"].clone();
    let defaults = exporter::model::integration::IntegrationSettings::default();
    for (setting, (name, default)) in SETTINGS.iter().zip(defaults.values()) {
        let (body, view) =
            (&schemas["IntegrationBody"]["properties"][name], &schemas["IntegrationView"]["properties"][name]);
        assert_eq!(body["default"], default, "{name}");
        match &setting.kind {
            SettingKind::Integer(range) => {
                for schema in [body, view] {
                    assert_eq!((&schema["minimum"], &schema["maximum"]), (&json!(range.start()), &json!(range.end())));
                }
            }
            SettingKind::Word(words) => {
                let reference = body["oneOf"][1]["$ref"].as_str().unwrap();
                let schema = &schemas[reference.rsplit('/').next().unwrap()];
                // The schema has a description of each keyword, or a list of the keywords.
                let described: Vec<&Value> = match schema["oneOf"].as_array() {
                    Some(all) => all.iter().map(|one| &one["enum"][0]).collect(),
                    None => schema["enum"].as_array().unwrap().iter().collect(),
                };
                assert_eq!(described, *words, "{name}");
            }
            _ => assert!(body["type"].is_array() || body["oneOf"].is_array(), "{name}: {body}"),
        }
    }
    let required = schemas["IntegrationView"]["required"].as_array().unwrap();
    let are_required = |name: &&str| required.contains(&json!(name));
    assert!(["id", "provider", "enabled", "format", "version"].iter().all(are_required), "{required:?}");
}

#[test]
fn every_referenced_schema_exists() {
    let document = serde_json::to_value(management::document()).unwrap();
    let text = document.to_string();
    let names: Vec<&str> =
        text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(document["components"]["schemas"].get(name).is_some(), "{name} has no schema");
    }
}

/// Asserts that a serialized value matches its schema.
fn assert_described(schema: &str, value: &impl serde::Serialize) {
    let components = serde_json::to_value(management::document()).unwrap()["components"].clone();
    let root = json!({"$ref": format!("#/components/schemas/{schema}"), "components": components});
    let value = serde_json::to_value(value).unwrap();
    let problems: Vec<_> = jsonschema::validator_for(&root)
        .unwrap()
        .iter_errors(&value)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{schema}: {problems:?}\n{value}");
}

#[test]
fn the_exporters_types_match_their_schemas() {
    let mut connection = connected(ACCOUNT, ACCOUNT, &["eu-west-1"]);
    assert_described("Connection", &connection);
    let problem = Problem { reason: "a".to_owned(), message: "b".to_owned(), remediation: Some("c".to_owned()) };
    connection.problem = Some(problem.clone());
    connection.risks = vec![Problem { remediation: None, ..problem.clone() }];
    connection.stale_since = Some(connection.checked_at);
    let (role, external_id) = ("arn".to_owned(), "id".to_owned());
    connection.external_id_check = Some(ExternalIdCheck { checked_at: connection.checked_at, role, external_id });
    for region in connection.regions.values_mut() {
        region.status = RegionStatus::AccessDenied;
        region.problem = Some(problem.clone());
    }
    assert_described("Connection", &connection);

    let change = FieldChange { from: Some(json!(1)), to: None };
    let entry = AuditEntry {
        id: "1".to_owned(),
        at: connection.checked_at,
        by: "x".to_owned(),
        action: "y".to_owned(),
        target: "z".to_owned(),
        reason: None,
        changes: [("a".to_owned(), change)].into(),
    };
    assert_described("AuditEntry", &entry);

    let at = connection.checked_at;
    let upload =
        UploadInfo { source: "s".to_owned(), etag: "e".to_owned(), bytes: 1, modified_at: Some(at), requester: None };
    let mut run = RunReport::new("1".to_owned(), upload, at);
    assert_described("Run", &run);
    run.reasons = vec!["r".to_owned()];
    run.format = Some(asff::ScanFormat::Ocsf);
    (run.finished_at, run.scanned_at, run.quarantine) = (Some(at), Some(at), Some("k".to_owned()));
    run.pending = Some("p".to_owned());
    assert_described("Run", &run);
}

#[test]
fn a_pending_finding_matches_its_schema() {
    let line = json!({"account": ACCOUNT, "finding_id": "f", "check_id": "iam_user_mfa", "service": "iam",
        "region": "us-east-1", "severity": "HIGH", "resource_id": "arn", "first_observed_at": "2026-11-01T00:00:00Z",
        "class": "proven", "reason": "archive_limit"});
    assert_described("PendingFinding", &serde_json::from_value::<exporter::report::PendingFinding>(line).unwrap());
}

#[test]
fn each_operation_describes_its_error_responses() {
    let paths = serde_json::to_value(management::document()).unwrap()["paths"].clone();
    let error_statuses = |path: &str, method: &str| {
        let responses = paths[path][method]["responses"].as_object().unwrap().keys().cloned();
        responses.filter(|status| status.as_str() >= "400" && status != "500").collect::<Vec<_>>().join(" ")
    };
    assert_eq!(error_statuses("/integrations/{id}/test", "post"), "400 404 422 503");
    assert_eq!(error_statuses("/runs/{id}/replay", "post"), "400 404 409 413 415 422 503");
    assert_eq!(error_statuses("/runs/{id}/approve", "post"), "400 404 409 413 415 422 503");
    assert_eq!(error_statuses("/integrations/{id}/enable", "post"), "400 404 409 412 413 415 422 503");
    assert_eq!(error_statuses("/integrations", "post"), "400 409 413 415 422 503");
    assert_eq!(error_statuses("/integrations/{id}", "delete"), "400 404 409 412 422 428 503");
    assert_eq!(error_statuses("/integrations/{id}", "patch"), "400 404 409 412 413 415 422 428 503");
    let patch = &paths["/integrations/{id}"]["patch"];
    let kinds: Vec<_> = patch["requestBody"]["content"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(kinds, ["application/json", "application/merge-patch+json"]);
    assert!(patch["responses"]["503"]["headers"]["Retry-After"].is_object());
    assert!(paths["/providers"]["post"]["responses"]["201"]["headers"]["Idempotent-Replayed"].is_object());
}

#[tokio::test]
async fn an_unsupported_method_gets_an_allow_header() {
    let rejected = Api::new().send("PUT", "/integrations", &[], "").await;
    assert_eq!((rejected.status.as_u16(), rejected.problem()), (405, "method-not-allowed"));
    let allowed = rejected.headers["allow"].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}
