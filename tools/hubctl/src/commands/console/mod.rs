//! `hubctl console`: serves the web console on this machine, for the browser that opens its link.

mod host;

use std::io::BufRead as _;
use std::sync::Arc;

use anyhow::Result;
use clap::builder::NonEmptyStringValueParser;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Duration, interval};
use web_console::{Gate, PORT_DEFAULT, Ports, Settings};

use self::host::Host;
use crate::client::{ConnectionArgs, Management};
use crate::config::Global;
use crate::deployment::block_on;
use crate::exit::{Exit, Failure};
use crate::render::Output;

/// Number of ports to try if none is given.
const PORTS_TRIED: u16 = 20;
/// Bounds of the interval between two checks whether the console is idle, which is a quarter of the timeout.
const IDLE_CHECK_MIN: Duration = Duration::from_millis(100);
const IDLE_CHECK_MAX: Duration = Duration::from_secs(30);
/// The key that prints a new link.
const NEW_LINK: &str = "o";

/// Serve the web console on this machine
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Serves the console on 127.0.0.1 with your own AWS credentials, prints a one-time
link, and opens it in the browser. The link expires after one minute. To get a
new link, which ends the current session, press o and Enter. Ctrl-C stops the
console.

The console listens on 127.0.0.1 only. To use it on a remote machine, forward
the port under the same number, and open the link locally:
  ssh -L 8017:127.0.0.1:8017 HOST

Examples:
  hubctl console --stack securityhub-exporter
  hubctl console --name production --read-only
  hubctl console --local --no-open --port 8020")]
pub(crate) struct Args {
    #[command(flatten)]
    connection_args: ConnectionArgs,

    /// Port on 127.0.0.1 [default: 8017, or the next free port]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..))]
    port: Option<u16>,

    /// Name of the deployment to show on each page, such as production
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: Option<String>,

    /// Print the link without opening it
    #[arg(long)]
    no_open: bool,

    /// Stop after this time without a request
    #[arg(long, value_name = "DURATION", default_value = "8h", value_parser = duration)]
    idle_timeout: SignedDuration,

    /// Reject every change
    #[arg(long)]
    read_only: bool,
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let parsed = text.parse::<SignedDuration>().ok().filter(SignedDuration::is_positive);
    parsed.ok_or_else(|| "must be a duration, such as 30m or 8h".to_owned())
}

pub(crate) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Exit> {
    block_on(async {
        let management = Arc::new(args.connection_args.connect(global).await?);
        let listener = listen(args.port).await?;
        let (reports, mut reported) = mpsc::unbounded_channel();
        let settings = settings(args, global, &management, listener.local_addr()?.port(), reports);
        let host = Arc::new(Host::new(management, global));
        let ports = Ports { api: host.clone(), workbench: Some(host.clone()) };
        let (router, gate) = web_console::console(ports, settings);
        let server = tokio::spawn(axum::serve(listener, router).into_future());
        let mut keys = keys();
        let mut idle = interval((args.idle_timeout.unsigned_abs() / 4).clamp(IDLE_CHECK_MIN, IDLE_CHECK_MAX));
        show_link(&gate, args, output)?;
        loop {
            tokio::select! {
                signal = tokio::signal::ctrl_c() => { signal?; break; }
                Some(()) = keys.recv() => show_link(&gate, args, output)?,
                Some(text) = reported.recv() => output.warning(&text, None)?,
                _ = idle.tick() => {
                    if is_idle(&gate, args.idle_timeout) && !host.is_exporting() {
                        output.note("The console stopped: no request within --idle-timeout.")?;
                        break;
                    }
                }
            }
        }
        if host.is_exporting() {
            output.note("Waiting for the exports that are in progress to end. Ctrl-C: stop now.")?;
            tokio::select! {
                () = host.exported() => {}
                signal = tokio::signal::ctrl_c() => signal?,
            }
        }
        server.abort();
        Ok(Exit::Success)
    })
}

/// Binds the port on loopback only.
async fn listen(port: Option<u16>) -> Result<TcpListener> {
    let (first, last) = port.map_or((PORT_DEFAULT, PORT_DEFAULT + PORTS_TRIED), |port| (port, port));
    for port in first..=last {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return Ok(listener);
        }
    }
    let failure = Failure::new(Exit::Error, format!("failed to listen on 127.0.0.1:{first}: the port is in use"));
    Err(failure.hint("choose another port: --port PORT").into())
}

fn settings(
    args: &Args,
    global: &Global,
    management: &Management,
    port: u16,
    reports: mpsc::UnboundedSender<String>,
) -> Settings {
    let named = [&global.stack, &args.connection_args.manage_function, &global.table];
    let stack = named.into_iter().flatten().next().cloned().unwrap_or_default();
    Settings {
        name: args.name.clone(),
        stack,
        region: management.region.clone(),
        identity: management.identity.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        is_read_only: args.read_only,
        options: format!("{}{}", global.options(), args.connection_args.options()),
        report: Arc::new(move |text| drop(reports.send(text.to_owned()))),
        ..Settings::new(port)
    }
}

/// Prints a new link, and opens it.
fn show_link(gate: &Gate, args: &Args, output: &mut Output) -> Result<()> {
    let link = gate.new_link();
    output.line(&link)?;
    output.note("The link can be used once, within one minute. o and Enter: new link. Ctrl-C: stop.")?;
    if !args.no_open && open::that_detached(&link).is_err() {
        output.note("Failed to open a browser: open the link yourself.")?;
    }
    Ok(())
}

/// Sends a message for each new link that is requested at the terminal.
fn keys() -> mpsc::UnboundedReceiver<()> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // A thread: reading standard input can't be canceled. It ends with the process.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line.trim() == NEW_LINK && sender.send(()).is_err() {
                break;
            }
        }
    });
    receiver
}

fn is_idle(gate: &Gate, limit: SignedDuration) -> bool {
    gate.last_request_at().is_some_and(|at| Timestamp::now().duration_since(at) > limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_positive() {
        assert_eq!(duration("8h"), Ok(SignedDuration::from_hours(8)));
        assert!(duration("-1h").is_err() && duration("soon").is_err() && duration("0s").is_err());
    }

    #[tokio::test]
    async fn the_console_listens_on_loopback_only() {
        let listener = listen(None).await.unwrap();
        let address = listener.local_addr().unwrap();
        assert!(address.ip().is_loopback() && address.port() >= PORT_DEFAULT, "{address}");
        assert!(listen(Some(address.port())).await.is_err());
    }
}
