//! Secrets are not exposed: an access key is read from a file, standard input, or a prompt, and is never shown.

use super::{ACCOUNT, Deployment};

const SECRET: &str = "wJalrXUtnFEMI-of-this-test";

fn key() -> String {
    format!(r#"{{"AccessKey":{{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"{SECRET}"}}}}"#)
}

#[test]
fn a_key_is_read_from_a_file_or_standard_input_and_never_shown() {
    let deployment = Deployment::new();
    deployment.file("key.json", &key());
    let mut said = String::new();
    for (line, stdin) in [
        (format!("integration create --provider {ACCOUNT} --access-key-file key.json -vv"), String::new()),
        (format!("integration credentials {ACCOUNT} --access-key-file - -vv"), key()),
        (
            format!("provider credentials {ACCOUNT} --access-key-file key.json --role-name X --output json"),
            String::new(),
        ),
        (format!("provider show {ACCOUNT}"), String::new()),
        (format!("integration show {ACCOUNT} --output json"), String::new()),
        ("config export".to_owned(), String::new()),
        ("audit --output json".to_owned(), String::new()),
        (format!("integration credentials {ACCOUNT} --use-provider"), String::new()),
    ] {
        let ended = deployment.run_with(&line, &stdin);
        assert_eq!(ended.exit, 0, "{line}: {}", ended.stderr);
        said.push_str(&ended.text(deployment.place.path()));
    }
    assert!(!said.contains(SECRET), "{said}");
    let in_requests = deployment.sent.lock().unwrap().iter().filter(|request| request.contains(SECRET)).count();
    assert_eq!(in_requests, 3, "the key is sent once for each resource that stores it");
    let contents = deployment.memory.contents();
    assert_eq!(
        contents.secrets.values().filter(|secret| secret.contains(SECRET)).count(),
        1,
        "only the provider's key is still stored"
    );
}

#[test]
fn an_invalid_key_is_rejected_without_repeating_it() {
    let deployment = Deployment::new();
    deployment.file("key.txt", &format!("AKIAIOSFODNN7EXAMPLE {SECRET}"));
    let ended = deployment.run(&format!("integration create --provider {ACCOUNT} --access-key-file key.txt"));
    assert_eq!(ended.exit, 2);
    insta::assert_snapshot!("no_key", ended.stderr);
    let missing = deployment.run(&format!("integration create --provider {ACCOUNT} --access-key-file nowhere.json"));
    assert_eq!(missing.exit, 1);
    assert!(deployment.sent.lock().unwrap().is_empty() || deployment.memory.contents().providers.is_empty());
}

#[test]
fn without_a_terminal_other_ways_to_pass_a_key_are_named() {
    let deployment = Deployment::new();
    let ended = deployment.run_with(&format!("integration create --provider {ACCOUNT} --access-key"), &key());
    assert_eq!(ended.exit, 2);
    insta::assert_snapshot!("no_terminal", ended.stderr);
}
