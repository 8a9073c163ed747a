//! Selects the deployment of a management command, and connects to its API.

use std::sync::Arc;

use anyhow::Result;
use asff::{AccountId, Partition, RegionName};
use aws::{Caller, Deployment, ManageFunction, SdkConfig};
use management::Settings;

use super::Management;
use crate::config::Global;
use crate::deployment::{no_stack, port, region_of, which_deployment};
use crate::exit::{Exit, Failure};
use crate::shell::quoted;

/// The options that select how a management command calls its deployment.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ConnectionArgs {
    /// Run locally with your own credentials instead of invoking the deployed function
    #[arg(long, global = true, help_heading = "Deployment")]
    pub(crate) local: bool,

    /// Management function of the deployment, instead of --stack
    #[arg(long, global = true, value_name = "NAME", env = "HUBCTL_MANAGE_FUNCTION", hide_env_values = true)]
    #[arg(help_heading = "Deployment")]
    pub(crate) manage_function: Option<String>,
}

impl ConnectionArgs {
    /// The options with which another command calls the deployment in the same way.
    pub(crate) fn options(&self) -> String {
        let function =
            self.manage_function.as_ref().filter(|name| !crate::config::is_set("HUBCTL_MANAGE_FUNCTION", name));
        let function = function.map_or(String::new(), |name| format!(" --manage-function {}", quoted(name)));
        format!("{function}{}", if self.local { " --local" } else { "" })
    }

    /// The management API of the deployment that the options select.
    pub(crate) async fn connect(&self, global: &Global) -> Result<Management> {
        let config = aws::sdk_config_of(global.profile.as_deref(), global.region.as_deref()).await;
        let partition = partition_of(&config)?;
        let caller = Caller::of(&config).await.map_err(|error| port(&error))?;
        if self.local {
            return super::local::connect(global, &config, caller, partition).await;
        }
        let stack = match &global.stack {
            Some(name) => Some(Deployment::of_stack(&config, name).await.map_err(|error| no_stack(name, &error))?),
            None => None,
        };
        let of_stack = stack.as_ref().and_then(|stack| stack.manage_function_name.clone());
        let Some(name) = self.manage_function.clone().or(of_stack) else { return Err(no_function(global).into()) };
        let account = account_of(&name, &caller);
        let identity = caller.arn.clone();
        let function = Arc::new(ManageFunction::new(&config, &name, Some(caller)));
        let transport = Box::new(move |request| {
            let function = function.clone();
            Box::pin(async move { function.call(request).await.map_err(|error| port(&error)) }) as _
        });
        let trusted = stack.as_ref().map(|stack| stack.trusted_arns().into_iter().map(str::to_owned).collect());
        let trusted_arns = trusted.unwrap_or_default();
        let role_pattern = stack.as_ref().and_then(|stack| stack.member_role_name_pattern.clone());
        let secret_prefix = stack.and_then(|stack| stack.secret_name_prefix).unwrap_or_default();
        let deployment = Settings { secret_prefix, partition, account };
        let partition = partition.unwrap_or(Partition::Aws);
        let region = region_of(&config)?.to_string();
        Ok(Management { transport, partition, trusted_arns, role_pattern, deployment, region, identity })
    }
}

/// The partition of the deployment's Region; `None` if this release doesn't know the Region.
fn partition_of(config: &SdkConfig) -> Result<Option<Partition>, Failure> {
    let name: Option<RegionName> = region_of(config)?.parse().ok();
    Ok(name.and_then(Partition::that_may_hold))
}

/// The account of a function: from its ARN, or the caller's if only a name is given.
fn account_of(function: &str, caller: &Caller) -> Option<AccountId> {
    let named = function.rsplit(':').skip(2).find_map(|part| part.parse().ok());
    named.or_else(|| caller.account.parse().ok())
}

fn no_function(global: &Global) -> Failure {
    match &global.stack {
        None => which_deployment()
            .hint("add --stack NAME, or set HUBCTL_STACK, or select the function with --manage-function NAME"),
        Some(name) => {
            Failure::new(Exit::Error, format!("stack {name} has no management function: it is from an older release"))
                .hint("deploy it again (sam build && sam deploy), or run locally: --local")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_in_the_account_of_its_arn_or_of_the_caller() {
        let caller = Caller { arn: String::new(), account: "111122223333".to_owned() };
        for (function, account) in [
            ("manage", "111122223333"),
            ("210987654321", "111122223333"),
            ("210987654321:live", "111122223333"),
            ("210987654321:function:manage", "210987654321"),
            ("arn:aws-cn:lambda:cn-north-1:210987654321:function:manage", "210987654321"),
            ("arn:aws:lambda:eu-west-1:210987654321:function:123456789012:live", "210987654321"),
        ] {
            assert_eq!(account_of(function, &caller), account.parse().ok(), "{function}");
        }
    }
}
