//! Which principals a role must trust, and which roles the functions can assume: nothing is guessed, and nothing is printed that
//! can't work.

use super::{ACCOUNT, Deployment};

const OWNER: &str = "arn:aws:iam::210987654321:user/exporter";

fn with_a_key() -> Deployment {
    let deployment = Deployment::new();
    deployment.file("key.json", r#"{"AccessKey": {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}}"#);
    let made = deployment.run(&format!(
        "integration create --provider {ACCOUNT} --access-key-file key.json --role-name Exporter --external-id an-id --stack one"
    ));
    assert_eq!(made.exit, 0, "{}", made.stderr);
    assert!(!made.stdout.contains("Principal"), "{}", made.stdout);
    assert!(made.stderr.contains(&format!("hubctl permissions print --integration {ACCOUNT} --trusted-arn ARN")));
    deployment
}

#[test]
fn an_unknown_owner_of_an_access_key_is_not_guessed() {
    let deployment = with_a_key();
    for form in ["trust-policy", "cloudformation", "terraform"] {
        let print = format!("permissions print --integration {ACCOUNT} --format {form} --stack one");
        let refused = deployment.run(&print);
        assert_eq!((refused.exit, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
        assert!(refused.stderr.contains(&format!("--format {form} --trusted-arn ARN")), "{}", refused.stderr);
        let printed = deployment.run(&format!("{print} --trusted-arn {OWNER}"));
        assert_eq!(printed.exit, 0, "{}", printed.stderr);
        assert!(printed.stdout.contains(OWNER) && !printed.stdout.contains("role/Export\""), "{}", printed.stdout);
    }
    let wrong = deployment.run(&format!("permissions print --integration {ACCOUNT} --trusted-arn exporter"));
    assert_eq!(wrong.exit, 2, "{}", wrong.stderr);
}

#[test]
fn a_role_that_the_functions_can_not_assume_has_no_template() {
    let deployment = Deployment::new();
    let print = |name: &str| {
        deployment
            .run(&format!("permissions print --account {ACCOUNT} --role-name {name} --format terraform --stack one"))
    };
    assert_eq!(print("Exporter").exit, 0);
    let refused = print("Foo");
    assert_eq!((refused.exit, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("can assume only roles *Exporter*, not Foo"), "{}", refused.stderr);
    assert!(refused.stderr.contains("MemberRoleNamePattern=Foo"), "{}", refused.stderr);
    deployment.json(&format!("integration create --provider {ACCOUNT} --role-name Foo --external-id an-id"));
    let printed = deployment.run(&format!("permissions print --integration {ACCOUNT} --stack one"));
    assert_eq!(printed.exit, 0, "{}", printed.stderr);
    assert!(printed.stderr.contains("only roles *Exporter*, not Foo"), "{}", printed.stderr);
}
