//! Rejects options that a command would ignore, since they may select a deployment: a command must not use a deployment other
//! than the one that its options select. Environment variables are not checked.

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::args::choices::Choices;
use crate::exit::{Exit, Failure};

/// Commands that call neither a deployment nor AWS.
const OFFLINE: [&str; 4] = ["convert", "validate", "completion", "man"];
/// Options that select a deployment.
const DEPLOYMENT: [&str; 3] = ["stack", "table", "state_bucket"];
/// Options that select the credentials and the Region.
const CALL: [&str; 2] = ["profile", "region"];

/// A command with the options that were given, without defaults and variables.
struct Line<'a> {
    path: Vec<&'a str>,
    matches: &'a ArgMatches,
}

/// Rejects options that would be ignored.
///
/// # Errors
///
/// The first such option, with a remediation.
pub(crate) fn reject(matches: &ArgMatches) -> Result<(), Failure> {
    let mut line = Line { path: Vec::new(), matches };
    while let Some((name, inner)) = line.matches.subcommand() {
        line.path.push(name);
        line.matches = inner;
    }
    RULES.iter().find_map(|rule| rule(&line)).map_or(Ok(()), Err)
}

type Rule = fn(&Line<'_>) -> Option<Failure>;

const RULES: [Rule; 8] =
    [offline, without_deployment, unneeded, own_account, by_function, on_this_machine, named_twice, ineffective];

impl Line<'_> {
    /// Whether an option was given.
    fn has(&self, id: &str) -> bool {
        self.matches.ids().any(|one| one.as_str() == id)
            && self.matches.value_source(id) == Some(ValueSource::CommandLine)
    }

    /// The first of several options that was given.
    fn first<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        ids.into_iter().find(|id| self.has(id))
    }

    /// Whether the command accesses the deployment's table and bucket directly.
    fn is_direct(&self) -> bool {
        match self.path.first() {
            Some(&("export" | "doctor")) => true,
            Some(&"explain") => self.has("local"),
            Some(&"plan") => self.has("local") || !self.text("source").starts_with("s3://"),
            _ => false,
        }
    }

    fn is(&self, path: &[&str]) -> bool {
        self.path == path
    }

    fn text(&self, id: &str) -> String {
        let raw = self.matches.get_raw(id).into_iter().flatten();
        raw.map(|value| value.to_string_lossy().into_owned()).collect()
    }

    fn ignored(&self, id: &str, because: &str, hint: &str) -> Failure {
        let message = format!("--{} would be ignored: {because}", id.replace('_', "-"));
        Failure::new(Exit::Usage, message).hint(hint)
    }
}

fn offline(line: &Line<'_>) -> Option<Failure> {
    let name = *line.path.first().filter(|name| OFFLINE.contains(name))?;
    let because = format!("`{name}` doesn't use a deployment");
    if let Some(id) = line.first(DEPLOYMENT.into_iter().chain(CALL)) {
        return Some(line.ignored(id, &because, "omit it"));
    }
    let is_fixed = name != "validate" && line.has("output") && !(name == "convert" && line.text("output") == "json");
    is_fixed.then(|| line.ignored("output", &format!("`{name}` has only one output format"), "omit it"))
}

/// Rejects options of a deployment together with `--standalone`, or with `--state` of a command that uses standalone runs.
fn without_deployment(line: &Line<'_>) -> Option<Failure> {
    let option = line.first(["standalone", "location"])?;
    let option = if option == "location" { "--state" } else { "--standalone" };
    let id = line.first(DEPLOYMENT.into_iter().chain(["manage_function"]))?;
    Some(line.ignored(id, &format!("with {option}, no deployment is used"), &format!("omit it or {option}")))
}

/// Rejects options of a deployment for a sample with the caller's credentials and an explicit Region, which uses no deployment.
fn unneeded(line: &Line<'_>) -> Option<Failure> {
    let needs_none =
        line.is(&["integration", "send-sample"]) && line.has("use_caller_credentials") && line.has("hub_region");
    let id = line.first(DEPLOYMENT.into_iter().chain(["manage_function", "local"])).filter(|_| needs_none)?;
    Some(line.ignored(id, "with --use-caller-credentials and --hub-region, no deployment is used", "omit it"))
}

/// Rejects options of a deployment for `verify`, which calls Security Hub of the caller's own account.
fn own_account(line: &Line<'_>) -> Option<Failure> {
    let id = line.first(DEPLOYMENT).filter(|_| line.is(&["verify"]))?;
    Some(line.ignored(id, "`verify` calls Security Hub of your own account, without a deployment", "omit it"))
}

/// Rejects the table and the bucket for commands that invoke the function, which uses those of its own deployment.
fn by_function(line: &Line<'_>) -> Option<Failure> {
    let is_online = line.path.first().is_some_and(|name| !OFFLINE.contains(name));
    let is_by_function = is_online && !line.is_direct() && !line.has("local");
    let id = line.first(["table", "state_bucket"]).filter(|_| is_by_function)?;
    let because = "the deployment's function uses its own table and bucket";
    Some(line.ignored(
        id,
        because,
        "add --local to use it with your own credentials, or select the deployment with --stack",
    ))
}

fn on_this_machine(line: &Line<'_>) -> Option<Failure> {
    let is_both = line.has("local") && line.has("manage_function");
    if !is_both && line.is_direct() && line.has("manage_function") {
        let because = "a file is planned on this machine";
        return Some(line.ignored("manage_function", because, "select the deployment with --stack"));
    }
    let because = "with --local, no function is invoked";
    is_both.then(|| line.ignored("manage_function", because, "omit one of the two"))
}

fn named_twice(line: &Line<'_>) -> Option<Failure> {
    let is_twice = line.is_direct() && DEPLOYMENT.iter().all(|id| line.has(id));
    let because = "--table and --state-bucket already select the deployment";
    is_twice.then(|| line.ignored("stack", because, "omit --stack, or the other two"))
}

/// Rejects options that have no effect in combination with another one.
fn ineffective(line: &Line<'_>) -> Option<Failure> {
    if line.has("no_wait") && line.has("report") {
        return Some(line.ignored("report", "with --no-wait, there is no run yet", "omit one of the two"));
    }
    if line.is(&["run", "pending"]) && line.has("limit") && line.has("output") && line.text("output") != "table" {
        return Some(line.ignored("limit", "it limits only the table; other formats have all findings", "omit it"));
    }
    if line.is(&["permissions", "print"]) && line.has("format") {
        let format = line.text("format");
        if line.has("output") && ["cloudformation", "terraform"].contains(&format.as_str()) {
            return Some(line.ignored("output", "a template has its own format", "omit it"));
        }
        if line.has("auto_accept_product") && format == "trust-policy" {
            return Some(line.ignored("auto_accept_product", "a trust policy has no permissions", "omit it"));
        }
    }
    let has_settings = line.path.first().is_some_and(|name| ["plan", "export"].contains(name));
    if has_settings && !line.has("standalone") {
        let choices = <Choices as clap::Args>::augment_args(clap::Command::new("choices"));
        let ids: Vec<&str> = choices.get_arguments().map(|option| option.get_id().as_str()).collect();
        let id = line.first(ids)?;
        let because = "the settings of the account's integration are used";
        return Some(line.ignored(id, because, "omit it, or add --standalone to export without a deployment"));
    }
    None
}
