//! Looks at what a deployment is made of, without changing anything: for those who ask why nothing happens.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::types::RuleState as EventsRuleState;
use aws_sdk_scheduler::types::ScheduleState;
use aws_sdk_sqs::types::QueueAttributeName;
use exporter::ports::PortError;

use crate::config::s3_client;
use crate::deployment::{stacks, topics};
use crate::errors::port_error;

/// Asks the services. Each question is retried by the SDK.
#[derive(Clone, Debug)]
pub struct Inspector {
    config: SdkConfig,
}

/// A resource of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its name in the template.
    pub logical: String,
    /// Its name in the account.
    pub physical: String,
}

/// A rule of the default event bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleState {
    /// Whether it is on.
    pub enabled: bool,
    /// Which events it wants, as JSON.
    pub pattern: String,
}

/// How a function stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionState {
    /// `Active`, unless something is wrong.
    pub state: String,
    /// `Successful`, unless the newest deployment is not through.
    pub last_update: String,
    /// What the service says about it.
    pub reason: Option<String>,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmState {
    /// Its name.
    pub name: String,
    /// Whether it is in alarm.
    pub in_alarm: bool,
    /// What its description says to do.
    pub description: String,
}

impl Inspector {
    /// An inspector of the deployment in the configuration's account and Region. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone() }
    }

    /// The resources of a stack.
    ///
    /// # Errors
    ///
    /// When `CloudFormation` does not answer, as of all questions here: when the service does not, or may not be asked.
    pub async fn resources(&self, stack: &str) -> Result<Vec<Resource>, PortError> {
        let found = stacks::resources(&self.config, stack).await;
        let found = found.map_err(|error| port_error(format!("list the resources of stack {stack}"), &error))?;
        Ok(found.into_iter().map(|(logical, physical)| Resource { logical, physical }).collect())
    }

    /// Whether a bucket tells EventBridge what is written to it.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn bucket_tells(&self, bucket: &str) -> Result<bool, PortError> {
        let request = s3_client(&self.config).get_bucket_notification_configuration().bucket(bucket);
        let answer = request.send().await;
        let answer = answer
            .map_err(|error| port_error(format!("get the notification configuration of bucket {bucket}"), &error))?;
        Ok(answer.event_bridge_configuration().is_some())
    }

    /// A rule.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn rule(&self, name: &str) -> Result<RuleState, PortError> {
        let answer = aws_sdk_eventbridge::Client::new(&self.config).describe_rule().name(name).send().await;
        let answer = answer.map_err(|error| port_error(format!("read the rule {name}"), &error))?;
        let enabled = answer.state() == Some(&EventsRuleState::Enabled);
        Ok(RuleState { enabled, pattern: answer.event_pattern().unwrap_or_default().to_owned() })
    }

    /// To whom a rule of the default event bus sends what it waits for: ARNs.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn targets(&self, rule: &str) -> Result<Vec<String>, PortError> {
        let answer = aws_sdk_eventbridge::Client::new(&self.config).list_targets_by_rule().rule(rule).send().await;
        let answer = answer.map_err(|error| port_error(format!("list the targets of the rule {rule}"), &error))?;
        Ok(answer.targets().iter().map(|target| target.arn().to_owned()).collect())
    }

    /// How many invocations of a function there may be at once, where that is limited by itself.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn concurrency(&self, function: &str) -> Result<Option<i32>, PortError> {
        let client = aws_sdk_lambda::Client::new(&self.config);
        let answer = client.get_function_concurrency().function_name(function).send().await;
        let answer =
            answer.map_err(|error| port_error(format!("read the concurrency of the function {function}"), &error))?;
        Ok(answer.reserved_concurrent_executions())
    }

    /// Who subscribed to a topic: the endpoint of each, and whether it was confirmed.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn subscriptions(&self, topic: &str) -> Result<Vec<(String, bool)>, PortError> {
        let found = topics::subscriptions(&self.config, topic).await;
        found.map_err(|error| port_error(format!("list the subscriptions of {topic}"), &error))
    }

    /// By which mappings queues invoke a function: the id of each, and its state, `Enabled` if all is well.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn mappings(&self, function: &str) -> Result<Vec<(String, String)>, PortError> {
        let client = aws_sdk_lambda::Client::new(&self.config);
        let answer = client.list_event_source_mappings().function_name(function).send().await;
        let answer = answer
            .map_err(|error| port_error(format!("list the event source mappings of function {function}"), &error))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(answer.event_source_mappings().iter().map(|mapping| (text(mapping.uuid()), text(mapping.state()))).collect())
    }

    /// Messages that wait on a queue, or are being worked on.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn messages(&self, url: &str) -> Result<u64, PortError> {
        const WAITING: [QueueAttributeName; 2] = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let client = aws_sdk_sqs::Client::new(&self.config);
        let request = client.get_queue_attributes().queue_url(url).set_attribute_names(Some(WAITING.to_vec()));
        let answer =
            request.send().await.map_err(|error| port_error(format!("get the attributes of queue {url}"), &error))?;
        let count = |name: &QueueAttributeName| answer.attributes()?.get(name)?.parse::<u64>().ok();
        Ok(WAITING.iter().filter_map(count).sum())
    }

    /// A function.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn function(&self, name: &str) -> Result<FunctionState, PortError> {
        let client = aws_sdk_lambda::Client::new(&self.config);
        let answer = client.get_function_configuration().function_name(name).send().await;
        let answer = answer.map_err(|error| port_error(format!("read the state of the function {name}"), &error))?;
        let reason = answer.last_update_status_reason().or_else(|| answer.state_reason());
        Ok(FunctionState {
            state: answer.state().map_or("Active", |state| state.as_str()).to_owned(),
            last_update: answer.last_update_status().map_or("Successful", |status| status.as_str()).to_owned(),
            reason: reason.map(str::to_owned),
        })
    }

    /// Whether a schedule of the default group is on, and how often it comes.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn schedule(&self, name: &str) -> Result<(bool, String), PortError> {
        let answer = aws_sdk_scheduler::Client::new(&self.config).get_schedule().name(name).send().await;
        let answer = answer.map_err(|error| port_error(format!("read the schedule {name}"), &error))?;
        let enabled = answer.state() == Some(&ScheduleState::Enabled);
        Ok((enabled, answer.schedule_expression().unwrap_or_default().to_owned()))
    }

    /// Alarms by their names; those that are not there are left out.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn alarms(&self, names: &[String]) -> Result<Vec<AlarmState>, PortError> {
        let client = aws_sdk_cloudwatch::Client::new(&self.config);
        let answer = client.describe_alarms().set_alarm_names(Some(names.to_vec())).send().await;
        let answer = answer.map_err(|error| port_error("read the alarms", &error))?;
        let alarm = |alarm: &aws_sdk_cloudwatch::types::MetricAlarm| AlarmState {
            name: alarm.alarm_name().unwrap_or_default().to_owned(),
            in_alarm: alarm.state_value().is_some_and(|state| state.as_str() == "ALARM"),
            description: alarm.alarm_description().unwrap_or_default().to_owned(),
        };
        Ok(answer.metric_alarms().iter().map(alarm).collect())
    }
}
