//! Reads the state of a deployment's resources, for diagnosis. Changes nothing.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::types::RuleState as EventsRuleState;
use aws_sdk_scheduler::types::ScheduleState;
use aws_sdk_sqs::types::QueueAttributeName;
use exporter::ports::PortError;

use crate::config::s3_client;
use crate::deployment::{stacks, topics};
use crate::errors::port_error;

/// Reads from the services. The SDK retries each call.
#[derive(Clone, Debug)]
pub struct Inspector {
    config: SdkConfig,
}

/// A resource of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Logical ID in the template.
    pub logical: String,
    /// Physical ID in the account.
    pub physical: String,
}

/// A rule of the default event bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleState {
    /// Whether it is enabled.
    pub enabled: bool,
    /// Event pattern as JSON.
    pub pattern: String,
}

/// State of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionState {
    /// Normally `Active`.
    pub state: String,
    /// Status of the last update, normally `Successful`.
    pub last_update: String,
    /// Reason that Lambda states.
    pub reason: Option<String>,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmState {
    /// Its name.
    pub name: String,
    /// Whether it is in alarm.
    pub in_alarm: bool,
    /// Remediation in its description.
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
    /// If the call fails or is denied, as for all methods here.
    pub async fn resources(&self, stack: &str) -> Result<Vec<Resource>, PortError> {
        let found = stacks::resources(&self.config, stack).await;
        let found = found.map_err(|error| port_error(format!("list the resources of stack {stack}"), &error))?;
        Ok(found.into_iter().map(|(logical, physical)| Resource { logical, physical }).collect())
    }

    /// Whether a bucket sends events to EventBridge.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn bucket_sends_events(&self, bucket: &str) -> Result<bool, PortError> {
        let request = s3_client(&self.config).get_bucket_notification_configuration().bucket(bucket);
        let response = request.send().await;
        let response = response
            .map_err(|error| port_error(format!("get the notification configuration of bucket {bucket}"), &error))?;
        Ok(response.event_bridge_configuration().is_some())
    }

    /// A rule.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn rule(&self, name: &str) -> Result<RuleState, PortError> {
        let response = aws_sdk_eventbridge::Client::new(&self.config).describe_rule().name(name).send().await;
        let response = response.map_err(|error| port_error(format!("read the rule {name}"), &error))?;
        let enabled = response.state() == Some(&EventsRuleState::Enabled);
        Ok(RuleState { enabled, pattern: response.event_pattern().unwrap_or_default().to_owned() })
    }

    /// ARNs of the targets of a rule of the default event bus.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn targets(&self, rule: &str) -> Result<Vec<String>, PortError> {
        let response = aws_sdk_eventbridge::Client::new(&self.config).list_targets_by_rule().rule(rule).send().await;
        let response = response.map_err(|error| port_error(format!("list the targets of the rule {rule}"), &error))?;
        Ok(response.targets().iter().map(|target| target.arn().to_owned()).collect())
    }

    /// Reserved concurrency of a function, if any.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn concurrency(&self, function: &str) -> Result<Option<i32>, PortError> {
        let client = aws_sdk_lambda::Client::new(&self.config);
        let response = client.get_function_concurrency().function_name(function).send().await;
        let response =
            response.map_err(|error| port_error(format!("read the concurrency of the function {function}"), &error))?;
        Ok(response.reserved_concurrent_executions())
    }

    /// Subscriptions of a topic: the endpoint of each, and whether it is confirmed.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn subscriptions(&self, topic: &str) -> Result<Vec<(String, bool)>, PortError> {
        let found = topics::subscriptions(&self.config, topic).await;
        found.map_err(|error| port_error(format!("list the subscriptions of {topic}"), &error))
    }

    /// Event source mappings of a function: the ID and the state of each, normally `Enabled`.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn mappings(&self, function: &str) -> Result<Vec<(String, String)>, PortError> {
        let client = aws_sdk_lambda::Client::new(&self.config);
        let response = client.list_event_source_mappings().function_name(function).send().await;
        let response = response
            .map_err(|error| port_error(format!("list the event source mappings of function {function}"), &error))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(response
            .event_source_mappings()
            .iter()
            .map(|mapping| (text(mapping.uuid()), text(mapping.state())))
            .collect())
    }

    /// Number of messages that are available or in flight in a queue.
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
        let response =
            request.send().await.map_err(|error| port_error(format!("get the attributes of queue {url}"), &error))?;
        let count = |name: &QueueAttributeName| response.attributes()?.get(name)?.parse::<u64>().ok();
        Ok(WAITING.iter().filter_map(count).sum())
    }

    /// A function.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn function(&self, name: &str) -> Result<FunctionState, PortError> {
        let client = aws_sdk_lambda::Client::new(&self.config);
        let response = client.get_function_configuration().function_name(name).send().await;
        let response =
            response.map_err(|error| port_error(format!("read the state of the function {name}"), &error))?;
        let reason = response.last_update_status_reason().or_else(|| response.state_reason());
        Ok(FunctionState {
            state: response.state().map_or("Active", |state| state.as_str()).to_owned(),
            last_update: response.last_update_status().map_or("Successful", |status| status.as_str()).to_owned(),
            reason: reason.map(str::to_owned),
        })
    }

    /// Whether a schedule of the default group is enabled, and its expression.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn schedule(&self, name: &str) -> Result<(bool, String), PortError> {
        let response = aws_sdk_scheduler::Client::new(&self.config).get_schedule().name(name).send().await;
        let response = response.map_err(|error| port_error(format!("read the schedule {name}"), &error))?;
        let enabled = response.state() == Some(&ScheduleState::Enabled);
        Ok((enabled, response.schedule_expression().unwrap_or_default().to_owned()))
    }

    /// Alarms by name; nonexistent ones are omitted.
    ///
    /// # Errors
    ///
    /// See [`Self::resources`].
    pub async fn alarms(&self, names: &[String]) -> Result<Vec<AlarmState>, PortError> {
        let client = aws_sdk_cloudwatch::Client::new(&self.config);
        let response = client.describe_alarms().set_alarm_names(Some(names.to_vec())).send().await;
        let response = response.map_err(|error| port_error("read the alarms", &error))?;
        let alarm = |alarm: &aws_sdk_cloudwatch::types::MetricAlarm| AlarmState {
            name: alarm.alarm_name().unwrap_or_default().to_owned(),
            in_alarm: alarm.state_value().is_some_and(|state| state.as_str() == "ALARM"),
            description: alarm.alarm_description().unwrap_or_default().to_owned(),
        };
        Ok(response.metric_alarms().iter().map(alarm).collect())
    }
}
