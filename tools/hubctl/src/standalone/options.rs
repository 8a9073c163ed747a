//! The options of an export without a deployment.

use anyhow::Result;
use asff::{AccountId, RegionName};
use aws::SdkConfig;
use clap::ArgAction;
use clap::builder::{OsStringValueParser, TypedValueParser};
use exporter::integration::{Credentials, Integration, Role};

use super::Standalone;
use super::store::Place;
use crate::args::choices::Choices;
use crate::args::filters::region;
use crate::args::role::{ExternalId, RoleArn};
use crate::config::Global;
use crate::deployment::no_region;
use crate::exit::{Exit, Failure};
use crate::scan::source::Source;

/// Works without a deployment: what its integrations and its table would say comes from options.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// Without a deployment: the settings by options, as whom you call, the state in a place of yours
    #[arg(long, requires = "state", help_heading = "Without a deployment")]
    pub(crate) standalone: bool,

    // Not a doc comment: an address would want brackets there.
    #[arg(help = "Folder, or s3://BUCKET/PREFIX, in which is kept what was sent; the same one for every scan")]
    #[arg(long, value_name = "PLACE", requires = "standalone", help_heading = "Without a deployment")]
    #[arg(value_parser = OsStringValueParser::new().try_map(Place::parse))]
    state: Option<Place>,

    /// Role of the scanned account to assume
    #[arg(long, value_name = "ARN", requires = "standalone", help_heading = "Without a deployment")]
    role_arn: Option<RoleArn>,

    /// External ID that the role's trust policy asks for
    #[arg(long, value_name = "ID", requires = "role_arn", help_heading = "Without a deployment")]
    external_id: Option<ExternalId>,

    // Takes the place of the option that every command has. Not a doc comment: a variable would want backticks there.
    #[arg(help = "Region of the deployment [env: AWS_REGION]; with --standalone a Region that may receive findings, \
                  once for each")]
    #[arg(id = "region", long, value_name = "REGION", action = ArgAction::Append, help_heading = "Deployment")]
    regions: Vec<String>,

    #[command(flatten)]
    choices: Choices,
}

impl Options {
    /// Makes sure that nothing is asked for which a deployment says by itself.
    pub(crate) fn check_deployment(&self) -> Result<()> {
        if self.regions.len() > 1 {
            return Err(Failure::new(Exit::Usage, "a deployment is in one Region, and --region names several")
                .hint("with --standalone they are the Regions that receive findings")
                .into());
        }
        Ok(())
    }

    /// The place of the state.
    pub(crate) fn place(&self) -> Result<&Place, Failure> {
        self.state.as_ref().ok_or_else(|| Failure::new(Exit::Usage, "--standalone needs --state"))
    }

    /// Whether a scan is exported whatever its format: a user names it, and asks for no other one. In a deployment an upload is
    /// taken as the function takes it, so that each scan is exported once.
    pub(crate) fn any_format(&self, source: &Source) -> bool {
        match source {
            Source::Object(_) if !self.standalone => false,
            _ => self.choices.format().is_none(),
        }
    }

    /// The ports that the options ask for. Makes no call but to find the configuration.
    pub(crate) async fn connect(&self, global: &Global) -> Result<Standalone> {
        let template = self.template()?;
        let config = self.config(global).await?;
        Ok(Standalone::new(self.place()?, &config, template))
    }

    /// The Region to call from, which STS and S3 want: the environment's, otherwise the first that receives findings.
    async fn config(&self, global: &Global) -> Result<SdkConfig> {
        let profile = global.profile.as_deref();
        let config = aws::sdk_config_of(profile, None).await;
        if config.region().is_some() {
            return Ok(config);
        }
        let first = self.regions.first().ok_or_else(no_region)?;
        Ok(aws::sdk_config_of(profile, Some(first)).await)
    }

    /// The settings of every account.
    fn template(&self) -> Result<Integration> {
        let usage = |message| Failure::new(Exit::Usage, message);
        let mut template = Integration::new(any_account()?);
        self.choices.apply(&mut template).map_err(usage)?;
        for name in &self.regions {
            let named: RegionName = region(name).map_err(|error| usage(format!("--region {name}: {error}")))?;
            template.regions.get_or_insert_default().push(named);
        }
        if let Some(arn) = &self.role_arn {
            let external_id = self.external_id.clone().map(|id| id.0);
            template.credentials =
                Some(Credentials::Default { role: Some(Role { external_id, ..Role::new(&arn.text) }) });
        }
        Ok(template)
    }
}

/// Stands for the accounts of a scan, each of which gets its own number.
pub(super) fn any_account() -> Result<AccountId> {
    Ok("000000000000".parse()?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use exporter::integration::ArchiveScope;
    use exporter::state::Resend;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn template(line: &str) -> Result<Integration> {
        Line::try_parse_from(["export"].into_iter().chain(line.split_whitespace()))?.options.template()
    }

    #[test]
    fn the_settings_of_an_integration_come_from_options() {
        let plain = template("--standalone --state s").unwrap();
        assert_eq!(
            plain,
            Integration::new(plain.provider.account().unwrap()),
            "every setting has the default of an integration"
        );
        let chosen = template(
            "--standalone --state s --only-failed=false --archive --archive-scope observed --archive-limit-percent 5 \
             --absent-scans 3 --partial-scan-percent 0 --resend always --muted send --severity-min high --region us-east-1 --region eu-west-1 \
             --fallback-region us-east-1 --role-arn arn:aws:iam::123456789012:role/CI --external-id abc --format csv",
        );
        let chosen = chosen.unwrap();
        assert!(!chosen.only_failed && chosen.archive_previous_findings);
        assert_eq!((chosen.archive_scope, chosen.archive_limit_percent), (ArchiveScope::Observed, 5));
        assert_eq!((chosen.absent_scans, chosen.partial_scan_percent), (3, 0));
        assert_eq!(chosen.resend, Resend::Always);
        assert_eq!(chosen.regions.map(|regions| regions.len()), Some(2));
        assert!(
            matches!(chosen.credentials, Some(Credentials::Default { role: Some(Role { external_id: Some(id), .. }) }) if id == "abc")
        );
    }

    #[test]
    fn an_option_that_would_be_ignored_is_refused() {
        for wrong in ["--standalone", "--state s", "--role-arn arn:aws:iam::123456789012:role/a"] {
            assert!(template(wrong).is_err(), "{wrong}");
        }
        assert!(template("--standalone --state s --region mars-1").is_err());
        let checked = |line: &str| {
            Line::try_parse_from(["export"].into_iter().chain(line.split_whitespace()))
                .unwrap()
                .options
                .check_deployment()
        };
        checked("--region us-east-1 --region eu-west-1").unwrap_err();
        checked("--region us-east-1").unwrap();
    }
}
