//! The options of an export without a deployment.

use anyhow::Result;
use asff::{AccountId, RegionName};
use aws::SdkConfig;
use clap::ArgAction;
use clap::builder::{OsStringValueParser, TypedValueParser};
use exporter::model::integration::{Credentials, Integration, Role};

use super::Standalone;
use super::store::StateLocation;
use crate::args::choices::Choices;
use crate::args::filters::{changed, region};
use crate::args::role::{ExternalId, RoleArn};
use crate::config::Global;
use crate::deployment::no_region;
use crate::exit::{Exit, Failure};
use crate::scan::source::Source;

/// Options that replace the integrations and the table of a deployment.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// Export without a deployment: settings from options, your own credentials, state in your directory or bucket
    #[arg(long, requires = "state", help_heading = "Without a deployment")]
    pub(crate) standalone: bool,

    // Not a doc comment: rustdoc would require brackets around the URL.
    #[arg(help = "Directory or s3://BUCKET/PREFIX for the export state; use the same one for every scan")]
    #[arg(long, value_name = "LOCATION", requires = "standalone", help_heading = "Without a deployment")]
    #[arg(value_parser = OsStringValueParser::new().try_map(StateLocation::parse))]
    state: Option<StateLocation>,

    /// ARN of the role to assume in the scanned account
    #[arg(long, value_name = "ARN", requires = "standalone", help_heading = "Without a deployment")]
    role_arn: Option<RoleArn>,

    /// External ID that the role's trust policy requires
    #[arg(long, value_name = "ID", requires = "role_arn", help_heading = "Without a deployment")]
    external_id: Option<ExternalId>,

    // Replaces the global option. Not a doc comment: rustdoc would require backticks around the variable.
    #[arg(help = "Region of the deployment [env: AWS_REGION]; with --standalone a Region that may receive findings, \
                  repeatable")]
    #[arg(id = "region", long, value_name = "REGION", action = ArgAction::Append, help_heading = "Deployment")]
    regions: Vec<String>,

    #[command(flatten)]
    choices: Choices,
}

impl Options {
    /// Rejects options that the deployment determines.
    pub(crate) fn check_deployment(&self) -> Result<()> {
        if self.regions.len() > 1 {
            return Err(Failure::new(
                Exit::Usage,
                "a deployment is in one Region, but --region is given more than once",
            )
            .hint("with --standalone, they are the Regions that receive findings")
            .into());
        }
        Ok(())
    }

    /// The location of the state.
    pub(crate) fn location(&self) -> Result<&StateLocation, Failure> {
        self.state.as_ref().ok_or_else(|| Failure::new(Exit::Usage, "--standalone requires --state"))
    }

    /// Whether a scan is exported in any format, as a local file without `--format` is. For an upload of a deployment the
    /// integration's format applies, as in the function, so that each scan is exported once.
    pub(crate) fn any_format(&self, source: &Source) -> bool {
        match source {
            Source::Object(_) if !self.standalone => false,
            _ => self.choices.format.is_none(),
        }
    }

    /// The ports for the options. This makes no calls except those that load the SDK's configuration.
    pub(crate) async fn connect(&self, global: &Global) -> Result<Standalone> {
        let template = self.template()?;
        let config = self.config(global).await?;
        Ok(Standalone::new(self.location()?, &config, template))
    }

    /// The SDK's configuration. Its Region, which STS and S3 require, is the environment's, or the first that receives findings.
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
        template.settings = changed(&template.settings, &self.choices)?;
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

/// Placeholder for the accounts of a scan.
pub(super) fn any_account() -> Result<AccountId> {
    Ok("000000000000".parse()?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use exporter::model::integration::ArchiveScope;
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
        assert_eq!(chosen.regions.as_ref().map(|regions| regions.len()), Some(2));
        assert!(
            matches!(chosen.credentials, Some(Credentials::Default { role: Some(Role { external_id: Some(id), .. }) }) if id == "abc")
        );
    }

    #[test]
    fn an_option_that_would_be_ignored_is_rejected() {
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
