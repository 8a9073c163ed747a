//! Evaluates the templates as `CloudFormation` and Terraform do, and compares the resulting roles with the policies.

use asff::Partition;
use hcl::Value as Hcl;
use hcl::eval::{Context, Evaluate as _, FuncArgs, FuncDef, ParamType};
use serde_json::{Map, json};

use super::*;
use crate::commands::permissions::policy::Policy;
use crate::render::yaml;

const ACCOUNT: &str = "210987654321";
const ROLE: &str = "arn:aws:iam::*:role/security/SecurityHubExporter";

fn trusted() -> Vec<String> {
    ["arn:aws:iam::123456789012:role/Export", "arn:aws:iam::123456789012:role/Check"].map(str::to_owned).to_vec()
}

fn role(external_id: Option<&str>) -> RoleView {
    let external_id = external_id.map(str::to_owned);
    RoleView { arn: ROLE.to_owned(), external_id, session_name: None, duration_seconds: None }
}

/// Compares each kind of role with the role that the template creates: `made` evaluates a template to name, path, trust policy,
/// and permissions.
fn each(form: TemplateFormat, made: fn(&str) -> Value) {
    for (external_id, accepts) in [(Some("the-right-one"), false), (Some("a/b=c"), true), (None, true)] {
        let role = role(external_id);
        let text = Template { role: &role, trusted_arns: &trusted(), accepts }.text(form);
        let expected = json!({
            "name": "SecurityHubExporter",
            "path": "/security/",
            "trust": Policy::of_trust(external_id, &trusted()),
            "permissions": Policy::of_export(Partition::Aws, ACCOUNT.parse().ok(), accepts),
        });
        assert_eq!(made(&text), expected, "{text}");
    }
}

#[test]
fn the_cloudformation_role_has_the_printed_permissions() {
    each(TemplateFormat::CloudFormation, |text| {
        let parameters: Value = yaml::parse(&without_tags(text)).unwrap();
        let default = |name: &str| parameters["Parameters"][name]["Default"].as_str().unwrap().to_owned();
        let mut text = text.replace("!Ref AWS::NoValue", "null").replace("${AWS::Partition}", "aws");
        text = text.replace("!Ref AWS::AccountId", &quoted(ACCOUNT)).replace("${AWS::AccountId}", ACCOUNT);
        let trusted: Vec<String> = default("TrustedRoleArns").split(',').map(str::to_owned).collect();
        text = text.replace("!Ref TrustedRoleArns", &json!(trusted).to_string());
        for name in ["ExternalId", "RoleName", "RolePath", "AutoAcceptProduct"] {
            text = text.replace(&format!("!Ref {name}"), &quoted(&default(name)));
        }
        let whole: Value = yaml::parse(&without_tags(&text)).unwrap();
        let is_true = |name: &str| match name {
            "HasExternalId" => !default("ExternalId").is_empty(),
            _ => default("AutoAcceptProduct") == "true",
        };
        let role = chosen(whole["Resources"]["Role"]["Properties"].clone(), &is_true);
        json!({
            "name": role["RoleName"],
            "path": role["Path"],
            "trust": role["AssumeRolePolicyDocument"],
            "permissions": role["Policies"][0]["PolicyDocument"],
        })
    });
}

fn without_tags(text: &str) -> String {
    ["!Sub ", "!If ", "!GetAtt ", "!Not ", "!Equals ", "!Ref "]
        .iter()
        .fold(text.to_owned(), |text, tag| text.replace(tag, ""))
}

/// Evaluates the conditions of a value, and removes properties without a value (`AWS::NoValue`).
fn chosen(value: Value, is_true: &impl Fn(&str) -> bool) -> Value {
    match value {
        Value::Object(mut fields) => match fields.remove("Fn::If") {
            Some(of_three) => chosen(of_three, is_true),
            None => {
                let fields = fields.into_iter().map(|(name, value)| (name, chosen(value, is_true)));
                fields.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
            }
        },
        Value::Array(entries) => match entries.first().and_then(Value::as_str) {
            Some(name @ ("HasExternalId" | "AcceptsProduct")) => {
                let index = if is_true(name) { 1 } else { 2 };
                chosen(entries[index].clone(), is_true)
            }
            _ => entries.into_iter().map(|value| chosen(value, is_true)).filter(|value| !value.is_null()).collect(),
        },
        other => other,
    }
}

#[test]
fn the_terraform_role_has_the_printed_permissions() {
    each(TemplateFormat::Terraform, |text| {
        let body = hcl::parse(text).unwrap();
        let mut context = Context::new();
        context.declare_func("merge", FuncDef::builder().variadic_param(ParamType::Any).build(|args| Ok(merge(&args))));
        context
            .declare_func("concat", FuncDef::builder().variadic_param(ParamType::Any).build(|args| Ok(concat(&args))));
        context.declare_func("jsonencode", FuncDef::builder().param(ParamType::Any).build(|args| Ok(args[0].clone())));
        let current = hcl::value!({
            "aws_caller_identity" = { "current" = { "account_id" = (ACCOUNT) } }
            "aws_partition" = { "current" = { "partition" = "aws" } }
        });
        context.declare_var("data", current);
        let mut variables = hcl::Map::new();
        for block in body.blocks().filter(|block| block.identifier() == "variable") {
            let name = block.labels()[0].as_str().to_owned();
            let default = block.body().attributes().find(|attribute| attribute.key() == "default").unwrap();
            variables.insert(name, default.expr().evaluate(&context).unwrap());
        }
        context.declare_var("var", variables);
        let mut locals = hcl::Map::new();
        for block in body.blocks().filter(|block| block.identifier() == "locals") {
            for attribute in block.body().attributes() {
                locals.insert(attribute.key().to_owned(), attribute.expr().evaluate(&context).unwrap());
                context.declare_var("local", locals.clone());
            }
        }
        let of = |kind: &str, name: &str| {
            let block = body.blocks().find(|block| block.labels().first().is_some_and(|label| label.as_str() == kind));
            let attribute = block.unwrap().body().attributes().find(|attribute| attribute.key() == name).unwrap();
            serde_json::to_value(attribute.expr().evaluate(&context).unwrap()).unwrap()
        };
        json!({
            "name": of("aws_iam_role", "name"),
            "path": of("aws_iam_role", "path"),
            "trust": of("aws_iam_role", "assume_role_policy"),
            "permissions": of("aws_iam_role_policy", "policy"),
        })
    });
}

fn merge(args: &FuncArgs) -> Hcl {
    let objects = args.iter().filter_map(Hcl::as_object).flatten();
    objects.map(|(name, value)| (name.clone(), value.clone())).collect::<hcl::Map<_, _>>().into()
}

fn concat(args: &FuncArgs) -> Hcl {
    args.iter().filter_map(Hcl::as_array).flatten().cloned().collect::<Vec<_>>().into()
}

/// A template from the directory has no defaults for the trusted principals and the External ID, so that the user must specify
/// them.
#[test]
fn templates_of_the_directory_trust_no_principal_by_default() {
    let parameters: Value = yaml::parse(&without_tags(CLOUDFORMATION)).unwrap();
    for name in ["TrustedRoleArns", "ExternalId"] {
        let parameter = &parameters["Parameters"][name];
        assert!(parameter["Type"].is_string() && parameter["Default"].is_null(), "{parameter}");
    }
    let body = hcl::parse(TERRAFORM).unwrap();
    let has_default = |name: &str| {
        let mut variables =
            body.blocks().filter(|block| block.labels().first().is_some_and(|label| label.as_str() == name));
        variables.next().unwrap().body().attributes().any(|attribute| attribute.key() == "default")
    };
    assert!(!has_default("trusted_role_arns") && !has_default("external_id") && has_default("role_name"));
}

#[test]
fn values_in_a_template_are_not_interpolated() {
    let role = role(Some("${path.module}%{if}\"x"));
    let text = Template { role: &role, trusted_arns: &trusted(), accepts: false }.text(TemplateFormat::Terraform);
    assert!(text.contains(r#"  default     = "$${path.module}%%{if}\"x""#), "{text}");
}

#[test]
fn the_templates_of_an_organization_are_unchanged() {
    let role = role(Some("0193-example"));
    let text = |form| Template { role: &role, trusted_arns: &trusted(), accepts: true }.text(form);
    insta::assert_snapshot!("cloudformation", text(TemplateFormat::CloudFormation));
    insta::assert_snapshot!("terraform", text(TemplateFormat::Terraform));
}
