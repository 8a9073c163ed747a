//! The options that identify a run's deployment or state. They are added to printed commands, so that these can be copied.

use exporter::report::RunReport;

use crate::client::ConnectionArgs;
use crate::config::Global;
use crate::shell::quoted;
use crate::standalone::StateLocation;

/// Options that select a deployment or a state; a command that has one is complete.
const OPTIONS: [&str; 8] = [
    " --state ",
    " --stack ",
    " --table ",
    " --state-bucket ",
    " --manage-function ",
    " --profile ",
    " --region ",
    " --local",
];
/// Separator between a command and its comment.
const COMMENT: &str = "  # ";

/// Where a run is recorded, and the options that find it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    options: String,
    /// URL or directory of reports and quarantine, if this process reads it.
    pub(crate) state: Option<String>,
}

impl Origin {
    /// A deployment, with the options of this command.
    pub(crate) fn deployment(connection_args: &ConnectionArgs, global: &Global) -> Self {
        Self { options: format!("{}{}", global.options(), connection_args.options()), state: None }
    }

    /// A deployment whose state bucket this process reads. `is_local_file`: the upload is a file on this machine, which the
    /// deployment can't read.
    pub(crate) fn workstation(global: &Global, is_local_file: bool, state: String) -> Self {
        let local = if is_local_file || global.stack.is_none() { " --local" } else { "" };
        Self { options: format!("{}{local}", global.options()), state: Some(state) }
    }

    /// A standalone state.
    pub(crate) fn standalone(location: &StateLocation, global: &Global) -> Self {
        let profile =
            global.profile.as_ref().map_or(String::new(), |profile| format!(" --profile {}", quoted(profile)));
        Self {
            options: format!(" --state {}{profile}", quoted(&location.absolute_path())),
            state: Some(location.to_string()),
        }
    }

    /// Whether the run is standalone.
    pub(crate) fn is_standalone(&self) -> bool {
        self.options.starts_with(" --state ")
    }

    /// The options, each with a leading space.
    pub(crate) fn options(&self) -> &str {
        &self.options
    }

    /// A command with the options.
    pub(crate) fn command(&self, words: &str) -> String {
        format!("{words}{}", self.options)
    }

    /// The report, with the options added to its commands.
    pub(crate) fn complete(&self, report: &RunReport) -> RunReport {
        let mut report = report.clone();
        report.reasons.iter_mut().for_each(|reason| *reason = self.complete_lines(reason));
        for account in report.accounts.values_mut() {
            account.problem = account.problem.take().map(|problem| self.complete_lines(&problem));
        }
        report
    }

    /// Adds the options to lines that are commands.
    pub(crate) fn complete_lines(&self, text: &str) -> String {
        text.split('\n').map(|line| self.complete_line(line)).collect::<Vec<_>>().join("\n")
    }

    fn complete_line(&self, line: &str) -> String {
        let (command, comment) = line.split_once(COMMENT).map_or((line, None), |(line, text)| (line, Some(text)));
        // A command with a redirection is unchanged.
        if !command.starts_with("hubctl ") || command.contains(['|', '&', ';', '>', '<', '$', '`', '(']) {
            return line.to_owned();
        }
        let end = OPTIONS.iter().filter_map(|option| command.find(option)).min().unwrap_or(command.len());
        let completed = self.command(&command[..end]);
        comment.map_or(completed.clone(), |comment| format!("{completed}{COMMENT}{comment}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_get_the_options_that_find_the_run_once() {
        let origin = Origin { options: " --state '/ci/my state'".to_owned(), state: None };
        let text = "account 1: 3 stay, because hubctl did not look\nhubctl run pending r  # lists them\nhubctl run approve r \
                    --unproven --state old\nhubctl permissions print --format trust-policy > trust.json\naws sts x";
        let completed = origin.complete_lines(text);
        assert_eq!(
            completed.lines().collect::<Vec<_>>(),
            [
                "account 1: 3 stay, because hubctl did not look",
                "hubctl run pending r --state '/ci/my state'  # lists them",
                "hubctl run approve r --unproven --state '/ci/my state'",
                "hubctl permissions print --format trust-policy > trust.json",
                "aws sts x",
            ]
        );
        assert_eq!(origin.complete_lines(&completed), completed);
        let regions = Origin::default().complete_lines("hubctl reconcile --account 1 --regions eu-west-1");
        assert_eq!(regions, "hubctl reconcile --account 1 --regions eu-west-1");
    }
}
