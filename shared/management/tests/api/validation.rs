//! Validation errors. All are reported at once, each with its field.

use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api};

#[tokio::test]
async fn all_invalid_settings_are_reported_at_once() {
    let api = Api::with_provider().await;
    let body = json!({
        "provider": ACCOUNT, "archive_limit_percent": 101, "severity_min": "grave", "archive_scope": "some",
        "absent_scans": 15, "partial_scan_percent": -1,
        "resend": "never", "muted": "yes", "format": "html", "regions": ["eu-west-1", "mars-north-1", "cn-north-1"],
        "fallback_region": "us-east-1",
        "scan_sources": [{"prefix": "scans/{account}/"}, {"uploader_account": "s3.amazonaws.com"}, {}, {"prefix": ""},
            {"prefix": "a/"}, {"prefix": "a/"}],
        "credentials": {"kind": "static", "access_key_id": "AKIA", "role": {"arn": "Exporter", "duration_seconds": 7200,
            "external_id": "x", "session_name": "a b"}}
    });
    let rejected = api.post("/integrations", &body).await;
    assert_eq!(rejected.status, 422);
    let mut fields = rejected.fields();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "absent_scans",
            "archive_limit_percent",
            "archive_scope",
            "credentials.access_key_id",
            "credentials.role.arn",
            "credentials.role.duration_seconds",
            "credentials.role.external_id",
            "credentials.role.session_name",
            "credentials.secret_access_key",
            "fallback_region",
            "format",
            "muted",
            "partial_scan_percent",
            "regions.1",
            "regions.2",
            "resend",
            "scan_sources.0.prefix",
            "scan_sources.1.uploader_account",
            "scan_sources.2",
            "scan_sources.3.prefix",
            "scan_sources.5",
            "severity_min",
        ]
    );
    assert_eq!(api.memory.contents().integrations.len(), 0);
}

#[tokio::test]
async fn an_unknown_field_is_rejected_with_its_name() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    for (body, field) in [
        (json!({"only_fialed": true}), "only_fialed"),
        (json!({"version": 7}), "version"),
        (json!({"deletion_requested_at": null, "alias": "x"}), "alias"),
        (json!({"credentials": {"kind": "default"}}), "credentials"),
        (json!({"only_failed": "yes"}), "only_failed"),
        (json!({"regions": ["eu-west-1", 2]}), "regions[1]"),
        (json!({"scan_sources": []}), "scan_sources"),
        (json!({"scan_sources": [{"prefx": "a/"}]}), "scan_sources[0].prefx"),
        (json!({"scan_sources": vec![json!({"prefix": "a/"}); 21]}), "scan_sources"),
        (json!({"provider": null}), "provider"),
        (json!({"provider": "x"}), "provider"),
    ] {
        let rejected = api.patch(&path, &etag, &body).await;
        assert_eq!((rejected.status.as_u16(), rejected.fields()), (422, vec![field]), "{body}: {}", rejected.text);
    }
    let role = json!({"kind": "default", "role": {"arn": "a", "externalid": "b"}});
    let rejected = api.put(&format!("{path}/credentials"), &etag, &role).await;
    assert_eq!(rejected.fields(), ["credentials.role.externalid"], "{}", rejected.text);
}

#[tokio::test]
async fn the_error_for_an_invalid_value_lists_the_valid_values() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    for (field, value, message) in [
        ("only_failed", json!("yes"), "must be a boolean"),
        ("archive_limit_percent", json!("x"), "must be i64"),
        ("archive_limit_percent", json!(300), "must be 0 to 100"),
        ("partial_scan_percent", json!(-1), "must be 0 to 100"),
        ("absent_scans", json!(0), "must be 1 to 14"),
        ("severity_min", json!("grave"), "must be INFORMATIONAL, LOW, MEDIUM, HIGH, or CRITICAL"),
        ("archive_scope", json!("FULL"), "must be full, partial, or observed"),
        ("resend", json!("never"), "must be changed or always"),
        ("muted", json!("as-prowler"), "must be as_prowler, omit, or send"),
        ("muted", json!(1), "must be a string"),
        ("format", json!("html"), "must be ocsf, asff, or csv"),
        ("regions", json!([]), "must be 1 to 100 Regions, or omitted for every Region"),
        ("scan_sources", json!([]), "must be 1 to 20 sources, or omitted for any"),
        ("fallback_region", json!("mars-north-1"), "must be a Region name, for example eu-west-1"),
    ] {
        let rejected = api.patch(&path, &etag, &json!({ field: value })).await;
        let [error] = rejected.body["errors"].as_array().unwrap().as_slice() else { panic!("{}", rejected.text) };
        assert_eq!((&error["field"], &error["message"]), (&json!(field), &json!(message)), "{value}");
    }
    let abroad = api.patch(&path, &etag, &json!({"regions": ["eu-west-1"], "fallback_region": "us-east-1"})).await;
    assert_eq!(abroad.body["errors"][0]["message"], "must be in `regions`, if that is set", "{}", abroad.text);
    let nothing = api.patch(&path, &etag, &json!({"absent_scans": null, "muted": null})).await;
    assert_eq!((nothing.status.as_u16(), &nothing.body["absent_scans"]), (200, &json!(2)), "{}", nothing.text);
}

#[tokio::test]
async fn credentials_must_belong_to_the_providers_account() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let role = |arn: &str| json!({"kind": "default", "role": {"arn": arn}});
    for arn in [
        "arn:aws:iam::210987654321:role/Exporter",
        "arn:aws:iam::*:role/Exporter",
        "arn:aws:iam::123456789012:user/Exporter",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/a b",
        "arn:mars:iam::123456789012:role/Exporter",
        "",
    ] {
        let rejected = api.put(&format!("{path}/credentials"), &etag, &role(arn)).await;
        assert_eq!(rejected.fields(), ["credentials.role.arn"], "{arn}");
    }
    for body in [
        json!({"kind": "provider", "role": {"arn": "arn:aws:iam::123456789012:role/Exporter"}}),
        json!({"kind": "default", "secret": "securityhub-exporter/x"}),
        json!({"kind": "static"}),
        json!({"kind": "static", "secret": "elsewhere/x"}),
        json!({"kind": "static", "secret": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:elsewhere/x-AbCdEf"}),
        json!({"kind": "root"}),
        json!({"kind": "static", "secret": "arn:aws:iam:x:y:z:securityhub-exporter/x"}),
        json!({"kind": "static", "secret": "arn:mars:secretsmanager:eu-west-1:111122223333:secret:securityhub-exporter/x-AbCdEf"}),
        json!({"kind": "static", "secret": "arn:aws:ssm:eu-west-1:111122223333:secret:securityhub-exporter/x-AbCdEf"}),
        json!({"kind": "static", "secret": "arn:aws:secretsmanager:Europe:111122223333:secret:securityhub-exporter/x-AbCdEf"}),
        json!({"kind": "static", "secret": "arn:aws:secretsmanager:cn-north-1:111122223333:secret:securityhub-exporter/x-AbCdEf"}),
        json!({"kind": "static", "secret": "arn:aws:secretsmanager:eu-west-1:12345678901:secret:securityhub-exporter/x-AbCdEf"}),
        json!({"kind": "static", "secret": "arn:aws:secretsmanager:eu-west-1:111122223333:key:securityhub-exporter/x-AbCdEf"}),
        json!({"kind": "static", "secret": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:securityhub-exporter/x:y"}),
        json!({"kind": "static", "secret": "securityhub-exporter/"}),
        json!({"kind": "static", "secret": "securityhub-exporter/x y"}),
    ] {
        let rejected = api.put(&format!("{path}/credentials"), &etag, &body).await;
        assert_eq!(rejected.status, 422, "{body}: {}", rejected.text);
    }
    for secret in
        ["securityhub-exporter/x", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:securityhub-exporter/x-AbCdEf"]
    {
        let set = api.put(&format!("{path}/credentials"), "*", &json!({"kind": "static", "secret": secret})).await;
        assert_eq!((set.status.as_u16(), &set.body["credentials"]["secret"]), (200, &json!(secret)), "{}", set.text);
    }
}

#[tokio::test]
async fn an_external_id_is_generated_once() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let path = format!("{path}/credentials");
    let role = |name: &str| json!({"kind": "default", "role": {"arn": format!("arn:aws:iam::{ACCOUNT}:role/{name}")}});
    let id = |response: &crate::client::ApiResponse| response.body["credentials"]["role"]["external_id"].clone();
    let first = api.put(&path, &etag, &role("Exporter")).await;
    let same = api.put(&path, &first.etag(), &role("Exporter")).await;
    assert_eq!(id(&first), id(&same), "an unchanged role has the same External ID");
    let other = api.put(&path, &same.etag(), &role("Other")).await;
    assert_eq!(id(&first), id(&other), "a new role has the same External ID");
}

#[tokio::test]
async fn unknown_routes_and_media_types_get_a_problem() {
    let api = Api::with_integration().await;
    let (path, etag) = api.integration().await;
    let json = [("content-type", "application/json"), ("if-match", etag.as_str())];
    let xml = [("content-type", "text/xml"), ("if-match", etag.as_str())];
    let large = format!("{{\"provider\": \"{}\"}}", "1".repeat(70_000));
    for (method, path, headers, body, status, problem) in [
        ("GET", "/nowhere", &json, "", 404, "route-not-found"),
        ("PUT", "/integrations", &json, "{}", 405, "method-not-allowed"),
        ("PATCH", path.as_str(), &xml, "{}", 415, "unsupported-media-type"),
        ("PATCH", path.as_str(), &json, "[]", 422, "invalid"),
        ("PATCH", path.as_str(), &json, "{", 400, "malformed"),
        ("POST", "/integrations", &json, large.as_str(), 413, "payload-too-large"),
        ("GET", "/integrations/me", &json, "", 404, "not-found"),
        ("GET", "/integrations/%ff", &json, "", 400, "malformed"),
    ] {
        let response = api.send(method, path, headers, body.to_owned()).await;
        assert_eq!(
            (response.status.as_u16(), response.problem()),
            (status, problem),
            "{method} {path}: {}",
            response.text
        );
    }
}

#[tokio::test]
async fn an_unavailable_service_is_reported_with_503() {
    let api = Api::with_integration().await;
    api.memory.contents().faults.fail_all("ProvisionedThroughputExceededException");
    let response = api.get("/integrations").await;
    assert_eq!((response.status.as_u16(), response.problem()), (503, "unavailable"));
    assert_eq!(response.headers["retry-after"], "5");
    let Value::String(detail) = &response.body["detail"] else { panic!("{}", response.text) };
    assert!(detail.starts_with("failed to ListIntegrations: "), "{detail}");
}

#[tokio::test]
async fn a_severity_is_accepted_in_lowercase_and_uppercase() {
    let api = Api::with_integration().await;
    let (path, _) = api.integration().await;
    for severity in ["medium", "MEDIUM"] {
        let changed = api.patch(&path, "*", &json!({ "severity_min": severity })).await;
        assert_eq!((changed.status.as_u16(), &changed.body["severity_min"]), (200, &json!("MEDIUM")), "{severity}");
    }
}
