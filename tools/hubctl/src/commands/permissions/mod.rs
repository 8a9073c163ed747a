//! `hubctl permissions`: what an integration's credentials must be allowed to do, ready to be put in place.

pub(crate) mod policy;
mod template;

use std::str::FromStr;

use anyhow::Result;
use asff::{AccountId, Partition};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exporter::provider::ProviderId;
use management::wire::CredentialsKind;
use management::wire::RoleView;
use serde::Serialize;

use self::policy::{Form, Policy};
use self::template::Template;
use crate::args::credentials::CredentialOptions;
use crate::args::role::{ExternalId, RoleName, matches_pattern};
use crate::client::{ConnectionArgs, Management};
use crate::commands::integration::shown::{Shown, note_unknown_trust, path, trust, unknown_trust_option};
use crate::config::{Format, Global};
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::render::Output;

/// The name of a role that is to be created, unless another one is given.
const DEFAULT_ROLE_NAME: &str = "SecurityHubExporter";

/// See the IAM permissions that an integration needs
#[derive(clap::Args, Debug)]
pub(crate) struct Group {
    #[command(flatten)]
    reach: ConnectionArgs,

    #[command(subcommand)]
    command: Command,
}

/// What to do with permissions.
#[derive(Debug, Subcommand)]
enum Command {
    Print(Print),
}

/// Print the IAM policy and the role's template: the least that is needed
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
For an integration that there is, the role and its External ID are taken from
it. For an account that has none yet, a new External ID is made, and the command
that creates the integration with it is printed beside the result.

The templates make the role, which trusts the deployment's own roles only and
asks for the External ID. The one of CloudFormation is fit for a StackSet: it
gives each account of an organization the same role. Whom the role must trust,
only the stack tells (--stack): by --manage-function alone there is no template,
and no trust policy. `trust` is the role's trust policy alone, for `aws iam
update-assume-role-policy`. A role that an access key assumes trusts the key's
owner instead: name it with --trusted-arn. With the key, its owner is told by
`aws sts get-caller-identity`. The functions assume only roles whose names match
the stack's MemberRoleNamePattern; --account refuses others.

Examples:
  hubctl permissions print --integration 123456789012
  hubctl permissions print --account 210987654321 \\
    --form cloudformation > role.yaml
  hubctl permissions print --integration 123456789012 --form trust > trust.json
  hubctl permissions print --account o-a1b2c3d4e5 --form terraform > role.tf

JSON: permissions and, where a role is assumed, role, external_id and trust.")]
struct Print {
    /// Integration whose role it is for
    #[arg(long, value_name = "ID", required_unless_present = "account", conflicts_with = "account")]
    integration: Option<ProviderId>,

    /// Account, or organization, that has no integration yet
    #[arg(long, value_name = "ID")]
    account: Option<ProviderId>,

    /// Role of the account that has no integration yet
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ROLE_NAME, conflicts_with = "integration")]
    role_name: RoleName,

    /// External ID for it [default: a new one]
    #[arg(long, value_name = "ID", conflicts_with = "integration")]
    external_id: Option<ExternalId>,

    /// Who assumes the role, where an access key does: its owner's ARN
    #[arg(long, value_name = "ARN")]
    trusted_arn: Option<TrustedArn>,

    /// Let the role accept the Prowler product, for --auto-accept-product
    #[arg(long)]
    auto_accept_product: bool,

    /// Policies, the trust policy alone, or a template that makes the role
    #[arg(long, value_name = "FORM", default_value = "policy")]
    #[arg(value_parser = PossibleValuesParser::new(["policy", "trust", "cloudformation", "terraform"])
        .try_map(|word| word.parse::<Form>()))]
    form: Form,
}

impl Print {
    fn trusted(&self) -> Option<Vec<String>> {
        self.trusted_arn.as_ref().map(|arn| vec![arn.0.clone()])
    }

    /// The command that prints the same, with the External ID that was made.
    fn again(&self, role: &RoleView) -> String {
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
        if self.form != Form::Policy {
            words.push(format!("--form {}", self.form.as_str()));
        }
        words.join(" ")
    }
}

/// The path and the name of a role.
fn role_name(role: &RoleView) -> &str {
    role.arn.split_once(":role/").map_or("", |(_, name)| name)
}

/// What is needed, for machines.
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

pub(crate) fn run(Group { reach, command }: &Group, global: &Global, output: &mut Output) -> Result<Exit> {
    let Command::Print(args) = command;
    let (management, found) = block_on(async {
        let management = reach.connect(global).await?;
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
    match (args.form, role, &needed.trust) {
        (Form::Policy, role, trust) => {
            tell(&needed, output)?;
            if let (Some(role), None) = (role, trust) {
                note_unknown_trust(role, *kind, &args.again(role), output)?;
            }
        }
        (_, None, _) => {
            return Err(Failure::new(
                Exit::Error,
                format!("the integration of {id} assumes no role to make a template of"),
            )
            .hint("--form policy prints what its credentials must be allowed to do")
            .into());
        }
        (_, Some(role), None) => {
            let who = match kind {
                CredentialsKind::Static => "it is the owner of the access key, whom AWS did not name yet",
                CredentialsKind::Default | CredentialsKind::Provider => "only the deployment's stack tells",
            };
            let message = format!("whom {} must trust is not known: {who}", role.arn);
            let again = format!("{} {}", args.again(role), unknown_trust_option(*kind));
            return Err(Failure::new(Exit::Usage, message).hint(again).into());
        }
        (Form::Trust, Some(_), Some(trust)) => output.json(trust)?,
        (form, Some(role), Some(_)) => {
            let template = Template { role, trusted_arns, accepts };
            output.text(template.text(form))?;
        }
    }
    if let (Some(account), Some(external_id)) = (&args.account, &needed.external_id) {
        let role = needed.role.as_deref().unwrap_or_default();
        then(account, external_id, role, (args, &management.region), output)?;
    }
    Ok(Exit::Success)
}

/// The document of a form for an integration, or for a provider that has none yet.
///
/// # Errors
///
/// When there is no role, or it isn't known whom it must trust.
pub(crate) async fn document(
    management: &Management,
    id: ProviderId,
    external_id: Option<ExternalId>,
    form: Form,
) -> Result<String> {
    let (integration, account) = if external_id.is_some() { (None, Some(id)) } else { (Some(id), None) };
    let role_name = DEFAULT_ROLE_NAME.parse::<RoleName>().map_err(|error| Failure::new(Exit::Error, error))?;
    let args =
        Print { integration, account, role_name, external_id, trusted_arn: None, auto_accept_product: false, form };
    let Found { id, role, trusted_arns, accepts, .. } = role_of(management, &args).await?;
    if form == Form::Policy {
        return Ok(serde_json::to_string_pretty(&Policy::of_export(management.partition, id.account(), accepts))?);
    }
    let no_role = || Failure::new(Exit::Error, format!("the integration of {id} assumes no role"));
    let role = role.ok_or_else(no_role)?;
    let unknown = || Failure::new(Exit::Error, format!("it is not known whom {} must trust", role.arn));
    let trust = trust(&role, &trusted_arns).ok_or_else(unknown)?;
    if form == Form::Trust {
        return Ok(serde_json::to_string_pretty(&trust)?);
    }
    Ok(Template { role: &role, trusted_arns: &trusted_arns, accepts }.text(form))
}

/// What comes after it, beside the result: how the template is deployed, and the command that belongs to this External ID.
fn then(
    account: &ProviderId,
    external_id: &str,
    role: &str,
    (args, region): (&Print, &str),
    output: &mut Output,
) -> Result<()> {
    if args.form == Form::CloudFormation {
        match account {
            ProviderId::Account(account) => {
                output.note(format!("With credentials of account {account}:"))?;
                output.note(format!("    {DEPLOY} --region {region}"))?;
            }
            ProviderId::Organization(_) => {
                output.note("In the organization's management account, as a StackSet of all other accounts:")?;
                output.note(format!("    {}", stack_set(region)))?;
                output
                    .note("In the same account, for the management account itself, which a StackSet does not reach:")?;
                output.note(format!("    {DEPLOY} --region {region}"))?;
            }
        }
    }
    let name = role.rsplit_once(":role/").map_or("", |(_, name)| name);
    output.note("When the role is there:")?;
    output.note(format!(
        "    hubctl integration create --provider {account} --role-name {name} --external-id {external_id}"
    ))?;
    if args.external_id.is_none() {
        output.note(format!(
            "This External ID was made now; printed again, another is made. To print with the same one: --external-id \
             {external_id}"
        ))?;
    }
    Ok(())
}

/// How the template of one account's role is deployed.
const DEPLOY: &str = "aws cloudformation deploy --template-file role.yaml --stack-name securityhub-exporter-role --capabilities \
                      CAPABILITY_NAMED_IAM";
/// How the template becomes the role of every account of an organization but its management account, which stacks with
/// service-managed permissions do not reach (`CloudFormation` user guide, `StackSets` concepts). In one Region, as a role is the
/// same in all: the deployment's, which is one of its partition.
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

/// Whose permissions are wanted.
struct Found {
    id: ProviderId,
    /// The role that is assumed.
    role: Option<RoleView>,
    /// Who assumes it, as far as that is known.
    trusted_arns: Vec<String>,
    /// Whether the integration accepts the product itself.
    accepts: bool,
    /// As whom the role is assumed.
    kind: CredentialsKind,
}

/// A role that the deployment's functions may not assume is refused where it is to be made, otherwise told.
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
    let message = format!("the deployment's functions may assume the roles {pattern} only, not {name}");
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
        let (role, accepts) = (shown.role().cloned(), shown.view.auto_accept_product);
        let trusted_arns = args.trusted().unwrap_or_else(|| shown.trusted_arns(management));
        let kind = shown.credentials().kind;
        return Ok(Found { id: id.clone(), role, trusted_arns, accepts, kind });
    }
    let Some(id) = &args.account else { return Err(Failure::new(Exit::Usage, "which account?").into()) };
    if management.find(path(id)).await?.is_some() {
        return Err(Failure::new(
            Exit::Usage,
            format!("{id} has an integration, whose role has an External ID already"),
        )
        .hint(format!("hubctl permissions print --integration {id} --form {form}", form = args.form.as_str()))
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

fn tell(needed: &Needed, output: &mut Output) -> Result<()> {
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
