//! Templates of the role that an integration assumes: for `CloudFormation`, and for Terraform.

use anyhow::Result;
use asff::Partition;
use management::wire::RoleView;
use serde_json::{Value, json};

use super::policy::{Form, Policy};
use crate::output::yaml;

/// Name of the role's policy.
const POLICY_NAME: &str = "ExportFindingsToSecurityHub";
/// What the role is for, as IAM shows it.
const DESCRIPTION: &str = "Lets securityhub-exporter send Prowler's findings into the Security Hub of this account";

/// A role to be made.
pub(super) struct Template<'a> {
    pub(super) role: &'a RoleView,
    pub(super) trusted_arns: &'a [String],
    pub(super) accepts: bool,
}

impl Template<'_> {
    /// The template's text.
    pub(super) fn text(&self, form: Form) -> Result<String> {
        match form {
            Form::CloudFormation => Ok(yaml::text(&self.cloudformation()?)?),
            Form::Policy | Form::Trust | Form::Terraform => self.terraform(),
        }
    }

    /// The path, which begins and ends with a slash, and the name.
    fn path_and_name(&self) -> (String, &str) {
        let whole = self.role.arn.split_once(":role/").map_or("", |(_, whole)| whole);
        whole.rsplit_once('/').map_or(("/".to_owned(), whole), |(path, name)| (format!("/{path}/"), name))
    }

    fn policies(&self) -> (Policy, Policy) {
        let partition = self.role.arn.split(':').nth(1).and_then(|word| word.parse().ok()).unwrap_or(Partition::Aws);
        let account = self.role.arn.split(':').nth(4).and_then(|account| account.parse().ok());
        let trust = Policy::of_trust(self.role.external_id.as_deref(), self.trusted_arns);
        (trust, Policy::of_export(partition, account, self.accepts))
    }

    fn cloudformation(&self) -> Result<Value> {
        let (path, name) = self.path_and_name();
        let (trust, permissions) = self.policies();
        Ok(json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": DESCRIPTION,
            "Resources": { "Role": { "Type": "AWS::IAM::Role", "Properties": {
                "RoleName": name,
                "Path": path,
                "Description": DESCRIPTION,
                "AssumeRolePolicyDocument": serde_json::to_value(trust)?,
                "Policies": [{ "PolicyName": POLICY_NAME, "PolicyDocument": serde_json::to_value(permissions)? }],
            } } },
            "Outputs": { "RoleArn": { "Value": { "Fn::GetAtt": ["Role", "Arn"] } } },
        }))
    }

    fn terraform(&self) -> Result<String> {
        let (path, name) = self.path_and_name();
        let (trust, permissions) = self.policies();
        // The document stands as it is: in a heredoc only `${` and `%{` mean something, and no policy of ours has them.
        let document = |policy: &Policy| serde_json::to_string_pretty(policy);
        Ok(format!(
            "resource \"aws_iam_role\" \"securityhub_exporter\" {{\n  name               = \"{name}\"\n  path               = \
             \"{path}\"\n  description        = \"{DESCRIPTION}\"\n  assume_role_policy = <<-JSON\n{}\n  JSON\n}}\n\n\
             resource \"aws_iam_role_policy\" \"securityhub_exporter\" {{\n  name   = \"{POLICY_NAME}\"\n  role   = \
             aws_iam_role.securityhub_exporter.id\n  policy = <<-JSON\n{}\n  JSON\n}}\n",
            indented(&document(&trust)?),
            indented(&document(&permissions)?),
        ))
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(form: Form, arn: &str) -> String {
        let external_id = Some("0193-example".to_owned());
        let role = RoleView { arn: arn.to_owned(), external_id, session_name: None, duration_seconds: None };
        let trusted_arns = ["arn:aws:iam::123456789012:role/Export", "arn:aws:iam::123456789012:role/Check"];
        let trusted_arns = trusted_arns.map(str::to_owned);
        Template { role: &role, trusted_arns: &trusted_arns, accepts: true }.text(form).unwrap()
    }

    #[test]
    fn a_role_can_be_made_by_cloudformation_in_every_account_of_an_organisation() {
        insta::assert_snapshot!(text(Form::CloudFormation, "arn:aws:iam::*:role/security/SecurityHubExporter"));
    }

    #[test]
    fn a_role_can_be_made_by_terraform() {
        insta::assert_snapshot!(text(Form::Terraform, "arn:aws:iam::210987654321:role/SecurityHubExporter"));
    }
}
