//! How a run is found again: the options that a command about it needs. What is printed can then be typed as it is.

use exporter::report::RunReport;

use crate::client::ConnectionArgs;
use crate::config::Global;
use crate::shell::quoted;
use crate::standalone::Place;

/// Options by which a command finds a deployment or a state; a command that has one was completed before.
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
/// What sets a command apart from the comment behind it.
const COMMENT: &str = "  # ";

/// Where a run was made, and how it is reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    options: String,
    /// The place of reports and quarantine, if this process reads it.
    pub(crate) state: Option<String>,
}

impl Origin {
    /// A deployment, asked by its managing function or as this command asked it.
    pub(crate) fn deployment(reach: &ConnectionArgs, global: &Global) -> Self {
        Self { options: format!("{}{}", global.options(), reach.options()), state: None }
    }

    /// A deployment whose state bucket this process reads. `is_here`: the upload is a file of this machine, which the
    /// deployment can't read.
    pub(crate) fn workstation(global: &Global, is_here: bool, state: String) -> Self {
        let local = if is_here || global.stack.is_none() { " --local" } else { "" };
        Self { options: format!("{}{local}", global.options()), state: Some(state) }
    }

    /// No deployment.
    pub(crate) fn standalone(place: &Place, global: &Global) -> Self {
        let profile =
            global.profile.as_ref().map_or(String::new(), |profile| format!(" --profile {}", quoted(profile)));
        Self { options: format!(" --state {}{profile}", quoted(&place.absolute())), state: Some(place.to_string()) }
    }

    /// Whether the run was made without a deployment.
    pub(crate) fn is_standalone(&self) -> bool {
        self.options.starts_with(" --state ")
    }

    /// The options as they follow a command: with a space before each.
    pub(crate) fn options(&self) -> &str {
        &self.options
    }

    /// A command with the options.
    pub(crate) fn command(&self, words: &str) -> String {
        format!("{words}{}", self.options)
    }

    /// A report whose commands have the options.
    pub(crate) fn complete(&self, report: &RunReport) -> RunReport {
        let mut report = report.clone();
        report.reasons.iter_mut().for_each(|reason| *reason = self.complete_lines(reason));
        for account in report.accounts.values_mut() {
            account.problem = account.problem.take().map(|problem| self.complete_lines(&problem));
        }
        report
    }

    /// Text whose lines may be commands.
    pub(crate) fn complete_lines(&self, text: &str) -> String {
        text.split('\n').map(|line| self.complete_line(line)).collect::<Vec<_>>().join("\n")
    }

    fn complete_line(&self, line: &str) -> String {
        let (command, comment) = line.split_once(COMMENT).map_or((line, None), |(line, text)| (line, Some(text)));
        // A command whose output goes elsewhere is left as it is.
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
    fn commands_get_the_options_by_which_the_run_is_found_once() {
        let origin = Origin { options: " --state '/ci/my state'".to_owned(), state: None };
        let text = "account 1: 3 stay, because hubctl did not look\nhubctl run pending r  # lists them\nhubctl run approve r \
                    --unproven --state old\nhubctl permissions print --form trust > trust.json\naws sts x";
        let completed = origin.complete_lines(text);
        assert_eq!(
            completed.lines().collect::<Vec<_>>(),
            [
                "account 1: 3 stay, because hubctl did not look",
                "hubctl run pending r --state '/ci/my state'  # lists them",
                "hubctl run approve r --unproven --state '/ci/my state'",
                "hubctl permissions print --form trust > trust.json",
                "aws sts x",
            ]
        );
        assert_eq!(origin.complete_lines(&completed), completed);
        let regions = Origin::default().complete_lines("hubctl reconcile --account 1 --regions eu-west-1");
        assert_eq!(regions, "hubctl reconcile --account 1 --regions eu-west-1");
    }
}
