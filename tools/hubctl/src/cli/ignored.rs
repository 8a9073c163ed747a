//! Options that would do nothing where they are given, and perhaps were to name what is worked on. They are refused: a
//! command never works on another deployment than its line names. What a variable of the environment says is for whichever
//! command uses it.

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::args::choices::Choices;
use crate::exit::{Exit, Failure};

/// Commands that ask no deployment and no AWS.
const OFFLINE: [&str; 4] = ["map", "validate", "completion", "man"];
/// Commands that work on the deployment's table and bucket themselves, always.
const DIRECT: [&str; 4] = ["plan", "export", "explain", "doctor"];
/// What names a deployment, by the name of its option.
const DEPLOYMENT: [&str; 3] = ["stack", "table", "state_bucket"];
/// The same, and as whom and where it is called.
const CALL: [&str; 2] = ["profile", "region"];

/// A command with what its line says, and no default or variable.
struct Line<'a> {
    path: Vec<&'a str>,
    matches: &'a ArgMatches,
}

/// Makes sure that nothing on a command line would be ignored.
///
/// # Errors
///
/// The first option that would be, and what to do.
pub(crate) fn refuse(matches: &ArgMatches) -> Result<(), Failure> {
    let mut line = Line { path: Vec::new(), matches };
    while let Some((name, inner)) = line.matches.subcommand() {
        line.path.push(name);
        line.matches = inner;
    }
    RULES.iter().find_map(|rule| rule(&line)).map_or(Ok(()), Err)
}

type Rule = fn(&Line<'_>) -> Option<Failure>;

const RULES: [Rule; 7] =
    [offline, without_deployment, unneeded, by_function, on_this_machine, named_twice, without_effect];

impl Line<'_> {
    /// Whether the line has an option.
    fn has(&self, id: &str) -> bool {
        self.matches.ids().any(|one| one.as_str() == id)
            && self.matches.value_source(id) == Some(ValueSource::CommandLine)
    }

    /// The first of several that the line has.
    fn first<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        ids.into_iter().find(|id| self.has(id))
    }

    fn is(&self, path: &[&str]) -> bool {
        self.path == path
    }

    fn text(&self, id: &str) -> String {
        let raw = self.matches.get_raw(id).into_iter().flatten();
        raw.map(|value| value.to_string_lossy().into_owned()).collect()
    }

    fn refused(&self, id: &str, because: &str, hint: &str) -> Failure {
        let message = format!("--{} would be ignored: {because}", id.replace('_', "-"));
        Failure::new(Exit::Usage, message).hint(hint)
    }
}

fn offline(line: &Line<'_>) -> Option<Failure> {
    let name = *line.path.first().filter(|name| OFFLINE.contains(name))?;
    let because = format!("`{name}` uses no deployment");
    if let Some(id) = line.first(DEPLOYMENT.into_iter().chain(CALL)) {
        return Some(line.refused(id, &because, "leave it out"));
    }
    let is_fixed = name != "validate" && line.has("output") && !(name == "map" && line.text("output") == "json");
    is_fixed.then(|| line.refused("output", &format!("`{name}` has one output format only"), "leave it out"))
}

/// `--standalone`, or `--state` of a command that looks at such runs.
fn without_deployment(line: &Line<'_>) -> Option<Failure> {
    let option = line.first(["standalone", "place"])?;
    let option = if option == "place" { "--state" } else { "--standalone" };
    let id = line.first(DEPLOYMENT.into_iter().chain(["manage_function"]))?;
    Some(line.refused(
        id,
        &format!("with {option} there is no deployment"),
        &format!("leave out one of the two: {option} or it"),
    ))
}

/// A sample that is sent by the caller into a Region that is named needs no deployment.
fn unneeded(line: &Line<'_>) -> Option<Failure> {
    let needs_none = line.is(&["trigger", "sample"]) && line.has("as_caller") && line.has("hub_region");
    let id = line.first(DEPLOYMENT.into_iter().chain(["manage_function", "local"])).filter(|_| needs_none)?;
    Some(line.refused(id, "with --as-caller and --in no deployment is used", "leave it out"))
}

/// The function knows its table and its bucket.
fn by_function(line: &Line<'_>) -> Option<Failure> {
    let asks_a_function = |name: &&str| !OFFLINE.contains(name) && !DIRECT.contains(name);
    let is_by_function = line.path.first().is_some_and(asks_a_function) && !line.has("local");
    let id = line.first(["table", "state_bucket"]).filter(|_| is_by_function)?;
    let because = "the deployment's function uses its own table and bucket";
    Some(line.refused(
        id,
        because,
        "add --local to use it with your own credentials, or select the deployment with --stack",
    ))
}

fn on_this_machine(line: &Line<'_>) -> Option<Failure> {
    let is_both = line.has("local") && line.has("manage_function");
    let because = "with --local no function is called";
    is_both.then(|| line.refused("manage_function", because, "leave out one of the two"))
}

fn named_twice(line: &Line<'_>) -> Option<Failure> {
    let is_direct = line.path.first().is_some_and(|name| DIRECT.contains(name));
    let is_twice = is_direct && DEPLOYMENT.iter().all(|id| line.has(id));
    let because = "--table and --state-bucket select the deployment already";
    is_twice.then(|| line.refused("stack", because, "leave out --stack, or the other two"))
}

/// Options that another one leaves without effect.
fn without_effect(line: &Line<'_>) -> Option<Failure> {
    if line.has("no_wait") && line.has("report") {
        return Some(line.refused("report", "with --no-wait there is no run yet", "leave out one of the two"));
    }
    if line.is(&["run", "pending"]) && line.has("limit") && line.has("output") && line.text("output") != "table" {
        return Some(line.refused("limit", "it limits the table; the other formats have all findings", "leave it out"));
    }
    if line.is(&["permissions", "print"]) && line.has("form") {
        let form = line.text("form");
        if line.has("output") && ["cloudformation", "terraform"].contains(&form.as_str()) {
            return Some(line.refused("output", "a template has its own format", "leave it out"));
        }
        if line.has("auto_accept_product") && form == "trust" {
            return Some(line.refused("auto_accept_product", "a trust policy has no permissions", "leave it out"));
        }
    }
    let has_settings = line.path.first().is_some_and(|name| ["plan", "export"].contains(name));
    if has_settings && !line.has("standalone") {
        let choices = <Choices as clap::Args>::augment_args(clap::Command::new("choices"));
        let ids: Vec<&str> = choices.get_arguments().map(|option| option.get_id().as_str()).collect();
        let id = line.first(ids)?;
        let because = "the integration of the account has its own settings";
        return Some(line.refused(id, because, "leave it out, or add --standalone to export without a deployment"));
    }
    None
}
