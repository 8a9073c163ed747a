//! `hubctl permissions`: the IAM permissions of an integration, as policies or templates.

pub(crate) mod policy;
mod template;

use std::str::FromStr;

use anyhow::Result;
use asff::{AccountId, Partition};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exporter::model::provider::ProviderId;
use management::wire::CredentialsKind;
use management::wire::RoleView;
use serde::Serialize;

use self::policy::{Policy, TemplateFormat};
use self::template::Template;
use crate::args::credentials::CredentialOptions;
use crate::args::role::{ExternalId, RoleName, matches_pattern};
use crate::client::{ConnectionArgs, Management};
use crate::commands::integration::shown::{Shown, note_unknown_trust, path, trust, unknown_trust_option};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::render::Output;

/// Default name of the role to create.
const DEFAULT_ROLE_NAME: &str = "SecurityHubExporter";

/// Print the IAM permissions an integration needs
#[derive(clap::Args, Debug)]
pub(crate) struct Group {
    #[command(flatten)]
    connection_args: ConnectionArgs,

    #[command(subcommand)]
    command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
enum Command {
    Print(Print),
}

/// Print the least-privilege IAM policy, trust policy, or role template
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
With --integration, the role and its External ID are those of the integration.
With --account, for an account without an integration, hubctl generates an
External ID and also prints the command that creates the integration with it.

The templates create a role that trusts only the deployment's roles and requires
the External ID. The CloudFormation template can be deployed as a StackSet, for
the same role in each account of an organization. `trust-policy` prints only the
trust policy, for `aws iam update-assume-role-policy`.

The trusted principals are outputs of the stack: templates and trust policies
require --stack. A role that an access key assumes must trust the owner of the
key instead: add --trusted-arn with the ARN that `aws sts get-caller-identity`
returns for the key. The functions can assume only roles whose names match the
stack's MemberRoleNamePattern; --account rejects other names.

Examples:
  hubctl permissions print --integration 123456789012
  hubctl permissions print --account 210987654321 \\
    --format cloudformation > role.yaml
  hubctl permissions print --integration 123456789012 \\
    --format trust-policy > trust.json
  hubctl permissions print --account o-a1b2c3d4e5 --format terraform > role.tf

JSON: permissions; if a role is assumed, also role, external_id, and trust.")]
struct Print {
    /// Existing integration (account or organization ID)
    #[arg(long, value_name = "ID", required_unless_present = "account", conflicts_with = "account")]
    integration: Option<ProviderId>,

    /// Account or organization without an integration
    #[arg(long, value_name = "ID")]
    account: Option<ProviderId>,

    /// Name of the role to create
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ROLE_NAME, conflicts_with = "integration")]
    role_name: RoleName,

    /// External ID of the role [default: a new one]
    #[arg(long, value_name = "ID", conflicts_with = "integration")]
    external_id: Option<ExternalId>,

    /// ARN of the access key's owner, if an access key assumes the role
    #[arg(long, value_name = "ARN")]
    trusted_arn: Option<TrustedArn>,

    /// Allow the role to accept the Prowler product, for --auto-accept-product
    #[arg(long)]
    auto_accept_product: bool,

    /// Policies, only the trust policy, or a template that creates the role
    #[arg(long, value_name = "FORMAT", default_value = "policy")]
    #[arg(value_parser = PossibleValuesParser::new(["policy", "trust-policy", "cloudformation", "terraform"])
        .try_map(|word| word.parse::<TemplateFormat>()))]
    format: TemplateFormat,
}

impl Print {
    fn trusted(&self) -> Option<Vec<String>> {
        self.trusted_arn.as_ref().map(|arn| vec![arn.0.clone()])
    }

    /// The command that prints the same output again, including the generated External ID.
    fn retry_command(&self, role: &RoleView) -> String {
        let mut words = vec!["hubctl permissions print".to_owned()];
        if let Some(id) = &self.integration {
            words.push(format!("--integration {id}"));
        }
        if let Some(id) = &self.account {
            words.push(format!("--account {id} --role-name {}", role_name(role)));
            words.extend(role.external_id.as_ref().map(|id| format!("--external-id {id}")));
        }
        if self.auto_accept_product {
            words.push("--auto-accept-product".to_owned());
        }
        if self.format != TemplateFormat::Policy {
            words.push(format!("--format {}", self.format.as_str()));
        }
        words.join(" ")
    }
}

/// The path and the name of a role.
fn role_name(role: &RoleView) -> &str {
    role.arn.split_once(":role/").map_or("", |(_, name)| name)
}

/// The JSON output.
#[derive(Serialize)]
struct Needed {
    permissions: Policy,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
}

pub(crate) fn run(Group { connection_args, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    let Command::Print(args) = command;
    let (management, found) = block_on(async {
        let management = connection_args.connect(global).await?;
        let found = role_of(&management, args).await?;
        Ok((management, found))
    })?;
    let Found { id, role, trusted_arns, accepts, kind } = &found;
    must_match(&management, role.as_ref(), args, *kind, output)?;
    let accepts = *accepts || args.auto_accept_product;
    let needed = Needed {
        permissions: Policy::of_export(management.partition, id.account(), accepts),
        role: role.as_ref().map(|role| role.arn.clone()),
        trust: role.as_ref().and_then(|role| trust(role, trusted_arns)),
        external_id: role.as_ref().and_then(|role| role.external_id.clone()),
    };
    match (args.format, role, &needed.trust) {
        (TemplateFormat::Policy, role, trust) => {
            write_permissions(&needed, output)?;
            if let (Some(role), None) = (role, trust) {
                note_unknown_trust(role, *kind, &args.retry_command(role), output)?;
            }
        }
        (_, None, _) => {
            return Err(Failure::new(
                Exit::Error,
                format!("the integration of {id} assumes no role, so that no template can be created"),
            )
            .hint("to print the permissions that its credentials need: --format policy")
            .into());
        }
        (_, Some(role), None) => {
            let who = match kind {
                CredentialsKind::Static => "the owner of the access key is not known yet",
                CredentialsKind::Default | CredentialsKind::Provider => "they are known only from --stack",
            };
            let message = format!("the principals that {} must trust are not known: {who}", role.arn);
            let command = format!("{} {}", args.retry_command(role), unknown_trust_option(*kind));
            return Err(Failure::new(Exit::Usage, message).hint(command).into());
        }
        (TemplateFormat::Trust, Some(_), Some(trust)) => output.json(trust)?,
        (format, Some(role), Some(_)) => {
            let template = Template { role, trusted_arns, accepts };
            output.text(template.text(format))?;
        }
    }
    if let (Some(account), Some(external_id)) = (&args.account, &needed.external_id) {
        let role = needed.role.as_deref().unwrap_or_default();
        write_next_steps(account, external_id, role, (args, &management.region), output)?;
    }
    Ok(Exit::Success)
}

/// The document in a format, for an integration or for a provider without an integration.
///
/// # Errors
///
/// If no role is assumed, or its trusted principals are not known.
pub(crate) async fn document(
    management: &Management,
    id: ProviderId,
    external_id: Option<ExternalId>,
    format: TemplateFormat,
) -> Result<String> {
    let (integration, account) = if external_id.is_some() { (None, Some(id)) } else { (Some(id), None) };
    let role_name = DEFAULT_ROLE_NAME.parse::<RoleName>().map_err(|error| Failure::new(Exit::Error, error))?;
    let args =
        Print { integration, account, role_name, external_id, trusted_arn: None, auto_accept_product: false, format };
    let Found { id, role, trusted_arns, accepts, .. } = role_of(management, &args).await?;
    if format == TemplateFormat::Policy {
        return Ok(serde_json::to_string_pretty(&Policy::of_export(management.partition, id.account(), accepts))?);
    }
    let no_role = || Failure::new(Exit::Error, format!("the integration of {id} assumes no role"));
    let role = role.ok_or_else(no_role)?;
    let unknown = || Failure::new(Exit::Error, format!("the principals that {} must trust are not known", role.arn));
    let trust = trust(&role, &trusted_arns).ok_or_else(unknown)?;
    if format == TemplateFormat::Trust {
        return Ok(serde_json::to_string_pretty(&trust)?);
    }
    Ok(Template { role: &role, trusted_arns: &trusted_arns, accepts }.text(format))
}

/// Prints the next steps: the commands that deploy the template and create the integration.
fn write_next_steps(
    account: &ProviderId,
    external_id: &str,
    role: &str,
    (args, region): (&Print, &str),
    output: &mut Output,
) -> Result<()> {
    if args.format == TemplateFormat::CloudFormation {
        match account {
            ProviderId::Account(account) => {
                output.note(format!("With credentials of account {account}:"))?;
                output.note(format!("    {DEPLOY} --region {region}"))?;
            }
            ProviderId::Organization(_) => {
                output.note("In the organization's management account, as a StackSet for all other accounts:")?;
                output.note(format!("    {}", stack_set(region)))?;
                output.note(
                    "In the same account, for the management account itself, which a StackSet doesn't include:",
                )?;
                output.note(format!("    {DEPLOY} --region {region}"))?;
            }
        }
    }
    let name = role.rsplit_once(":role/").map_or("", |(_, name)| name);
    output.note("After you deploy the role:")?;
    output.note(format!(
        "    hubctl integration create --provider {account} --role-name {name} --external-id {external_id}"
    ))?;
    if args.external_id.is_none() {
        output.note(format!(
            "A new External ID is generated each time. To print with the same one: --external-id \
             {external_id}"
        ))?;
    }
    Ok(())
}

/// The command that deploys the template in one account.
const DEPLOY: &str = "aws cloudformation deploy --template-file role.yaml --stack-name securityhub-exporter-role --capabilities \
                      CAPABILITY_NAMED_IAM";
/// The commands that deploy the template to every account of an organization, except its management account, which
/// service-managed stack sets don't include (`CloudFormation` user guide, `StackSets` concepts). One Region, the deployment's, is
/// enough, since IAM is global.
fn stack_set(region: &str) -> String {
    format!(
        "aws cloudformation create-stack-set --stack-set-name securityhub-exporter-role --template-body file://role.yaml \
         --capabilities CAPABILITY_NAMED_IAM --permission-model SERVICE_MANAGED \
         --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false --region {region} && \
         aws cloudformation create-stack-instances --stack-set-name securityhub-exporter-role \
         --deployment-targets OrganizationalUnitIds=\"$(aws organizations list-roots --query 'Roots[0].Id' --output text \
         --region {region})\" --regions {region} --region {region}"
    )
}

/// The integration, or the account, whose permissions are printed.
struct Found {
    id: ProviderId,
    /// The role to assume.
    role: Option<RoleView>,
    /// The trusted principals, if known.
    trusted_arns: Vec<String>,
    /// Whether the integration accepts the Prowler product.
    accepts: bool,
    /// Kind of the credentials that assume the role.
    kind: CredentialsKind,
}

/// Rejects a new role that the deployment's functions can't assume; warns about an existing one.
fn must_match(
    management: &Management,
    role: Option<&RoleView>,
    args: &Print,
    kind: CredentialsKind,
    output: &mut Output,
) -> Result<()> {
    let (Some(pattern), Some(role)) = (&management.role_pattern, role) else { return Ok(()) };
    let name = role_name(role);
    if kind == CredentialsKind::Static || matches_pattern(pattern, name) {
        return Ok(());
    }
    let message = format!("the deployment's functions can assume only roles {pattern}, not {name}");
    let hint = format!("choose another name, or deploy with the parameter MemberRoleNamePattern={name}");
    if args.account.is_some() {
        return Err(Failure::new(Exit::Usage, message).hint(hint).into());
    }
    Ok(output.warning(message, Some(&hint))?)
}

/// The ARN of a user or a role.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TrustedArn(String);

impl FromStr for TrustedArn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "not the ARN of a user or a role, such as arn:aws:iam::123456789012:user/exporter";
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, name] = parts.as_slice() else { return Err(WRONG) };
        let is_whole = |name: &&str| !name.is_empty() && !name.contains([' ', '*', '<', '"']);
        let name = name.strip_prefix("user/").or_else(|| name.strip_prefix("role/")).filter(is_whole);
        match (partition.parse::<Partition>(), account.parse::<AccountId>(), name) {
            (Ok(_), Ok(_), Some(_)) => Ok(Self(text.to_owned())),
            _ => Err(WRONG),
        }
    }
}

async fn role_of(management: &Management, args: &Print) -> Result<Found> {
    if let Some(id) = &args.integration {
        let shown = Shown::find(management, id).await?;
        let (role, accepts) = (shown.role().cloned(), shown.view.settings.auto_accept_product);
        let trusted_arns = args.trusted().unwrap_or_else(|| shown.trusted_arns(management));
        let kind = shown.credentials().kind;
        return Ok(Found { id: id.clone(), role, trusted_arns, accepts, kind });
    }
    let Some(id) = &args.account else { return Err(Failure::new(Exit::Usage, "no account specified").into()) };
    if management.find(path(id)).await?.is_some() {
        return Err(Failure::new(Exit::Usage, format!("{id} already has an integration with an External ID"))
            .hint(format!(
                "hubctl permissions print --integration {id} --format {template}",
                template = args.format.as_str()
            ))
            .into());
    }
    let external_id = args.external_id.clone().unwrap_or_else(ExternalId::generate);
    let options = CredentialOptions {
        role_name: Some(args.role_name.clone()),
        external_id: Some(external_id.clone()),
        ..CredentialOptions::default()
    };
    let arn = options.role_arn_in(id, management.partition)?.unwrap_or_default();
    let role = RoleView { arn, external_id: Some(external_id.0), session_name: None, duration_seconds: None };
    let trusted_arns = args.trusted().unwrap_or_else(|| management.trusted_arns.clone());
    let kind = if args.trusted_arn.is_some() { CredentialsKind::Static } else { CredentialsKind::Default };
    Ok(Found { id: id.clone(), role: Some(role), trusted_arns, accepts: false, kind })
}

fn write_permissions(needed: &Needed, output: &mut Output) -> Result<()> {
    if output.format == Format::Json {
        return Ok(output.json(needed)?);
    }
    output.line("Permissions:")?;
    output.json(&needed.permissions)?;
    if let (Some(role), Some(trust)) = (&needed.role, &needed.trust) {
        output.line("")?;
        output.line(format!("Trust policy of {role}:"))?;
        output.json(trust)?;
    }
    Ok(())
}
