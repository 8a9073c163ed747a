"""A local AWS with the template deployed on it, and a simulated Security Hub.

    python local/stack.py up      starts both servers, deploys, writes stack.json
    python local/stack.py down    stops them
    python local/stack.py env     prints the variables that make AWS's tools speak to it
    python local/stack.py run COMMAND ...   up, then COMMAND with those variables and STACK_FILE, then down

Run by `make stack-up`, `make stack-down` and `make test`. Everything is under one folder (LOCAL_DIR, default .local), so that stacks
in different folders or clones do not touch each other. What the emulator does unlike AWS is fixed here, by parameters
and calls after the deployment; the template is the one that goes to AWS.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

import boto3
from samcli.yamlhelper import yaml_dump, yaml_parse

import permissions
import processes
import settings
from processes import Server
from settings import ACCOUNT, PROGRAMS, REGION, ROOT, STACK_NAME, Settings

DEPLOYMENT_BUCKET = "deployments"
# The servers of every stack. Other servers are added later, and their end does not affect it.
SERVERS = ("simulator", "ministack")


@dataclass(frozen=True)
class Stack:
    """A stack that is up."""

    directory: Path
    servers: list[Server]
    outputs: dict[str, str]

    def environment(self) -> dict[str, str]:
        """What hubctl, boto3, the AWS CLI and a function under the runtime emulator need to speak to it."""
        urls = {server.name: server.url for server in self.servers}
        return {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": urls["ministack"],
            "AWS_ENDPOINT_URL_EC2": urls["simulator"],
            "AWS_ENDPOINT_URL_ORGANIZATIONS": urls["simulator"],
            "AWS_ENDPOINT_URL_SECURITYHUB": urls["simulator"],
            "AWS_ENDPOINT_URL_STS": urls["simulator"],
        }

    def client(self, service: str):
        """A boto3 client of the local AWS."""
        return _client(self.environment(), service)


def up(config: Settings, say=print, deploy=None) -> Stack:
    """Starts a stack in the settings' folder. A running stack is stopped first. DEPLOY(config, stack) deploys it; without
    it, SAM does."""
    down(config)
    config.directory.mkdir(parents=True, exist_ok=True)
    try:
        say("starting a simulated Security Hub and a local AWS")
        simulator = _start_simulator(config)
        _write(config, Stack(config.directory, [simulator], {}))
        stack = Stack(config.directory, [simulator, _start_aws(config, simulator)], {})
        _write(config, stack)
        if not deploy:
            say("deploying template.yaml with SAM")
        (deploy or deploy_with_sam)(config, stack)
        _mend(stack)
        _introduce_roles(config, stack)
        stack = Stack(config.directory, stack.servers, _outputs(stack))
        _write(config, stack)
        return stack
    except BaseException:
        down(config)
        raise


def add(config: Settings, stack: Stack, server: Server) -> Stack:
    """Adds a running server, which is stopped with the stack."""
    stack = Stack(stack.directory, [*stack.servers, server], stack.outputs)
    _write(config, stack)
    return stack


def down(config: Settings) -> None:
    """Stops the stack of the settings' folder, if any. Its logs are retained."""
    if not config.stack_file.exists():
        return
    for server in json.loads(config.stack_file.read_text())["servers"]:
        processes.stop(Server(**server))
    config.stack_file.unlink()
    config.environment_file.unlink(missing_ok=True)
    shutil.rmtree(config.directory / "tmp", ignore_errors=True)


def load(config: Settings) -> Stack:
    """The stack that is up in the settings' folder."""
    if not config.stack_file.exists():
        sys.exit(f"no stack is up in {config.directory}: make stack-up")
    document = json.loads(config.stack_file.read_text())
    servers = [Server(**server) for server in document["servers"]]
    stopped = [server.name for server in servers if server.name in SERVERS and not processes.is_running(server)]
    if stopped or not document["outputs"]:
        sys.exit(f"the stack in {config.directory} is no longer up: make stack-up")
    return Stack(config.directory, servers, document["outputs"])


def _start_simulator(config: Settings) -> Server:
    port = processes.free_port(config.simulator_port, settings.SIMULATOR_PORT)
    command = [str(program("simulator")), "--listen", f"127.0.0.1:{port}", "--config", str(config.simulator_config)]
    return processes.start("simulator", command, processes.inherited(), port, config.logs / "simulator.log")


def _start_aws(config: Settings, simulator: Server) -> Server:
    port = processes.free_port(config.aws_port, settings.AWS_PORT)
    scratch = config.directory / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    config.decisions_file.unlink(missing_ok=True)
    stack = Stack(config.directory, [simulator, Server("ministack", 0, port, "")], {})
    environment = processes.inherited() | stack.environment() | {
        # By default, it listens on every interface; its MQTT broker always does.
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(scratch),
        "IAM_DECISIONS": str(config.decisions_file),
    }
    if config.request_log:
        config.request_log.unlink(missing_ok=True)
        environment["REQUEST_LOG"] = str(config.request_log)
    command = [sys.executable, str(ROOT / "local" / "ministack_enforced.py")]
    return processes.start("ministack", command, environment, port, config.logs / "ministack.log")


def _package(config: Settings) -> Path:
    """What `sam build` would leave, with the programs of `make build`: a folder per function, and the template that names it."""
    folder = config.directory / "package"
    shutil.rmtree(folder, ignore_errors=True)
    template = yaml_parse((ROOT / "template.yaml").read_text())
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            (folder / name).mkdir(parents=True)
            shutil.copy2(program(resource["Metadata"]["BuildProperties"]["Binary"]), folder / name / "bootstrap")
            resource["Properties"]["CodeUri"] = name
    application = template["Metadata"]["AWS::ServerlessRepo::Application"]
    for name in ("LicenseUrl", "ReadmeUrl"):
        application[name] = os.path.relpath(ROOT / application[name], folder)
    (folder / "template.yaml").write_text(yaml_dump(template))
    return folder


def deploy_with_sam(config: Settings, stack: Stack) -> None:
    """Deploys template.yaml, with the programs of `make build` or those of the settings' package."""
    package = config.package or _package(config)
    stack.client("s3").create_bucket(
        Bucket=DEPLOYMENT_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    command = [
        _tool("sam"), "deploy", "--template-file", package / "template.yaml",
        "--stack-name", STACK_NAME, "--region", REGION, "--s3-bucket", DEPLOYMENT_BUCKET, "--no-resolve-s3",
        "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar",
        "--parameter-overrides", *(f"{name}={value}" for name, value in config.parameters.items()),
    ]  # fmt: skip
    _run(command, processes.inherited() | stack.environment(), config.logs / "sam-deploy.log")


def _mend(stack: Stack) -> None:
    """The emulator keeps a number that comes from a template's parameter as text, which its poller can't handle."""
    functions = stack.client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        scaling = {"MaximumConcurrency": int(mapping["ScalingConfig"]["MaximumConcurrency"])}
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=scaling)


def _introduce_roles(config: Settings, stack: Stack) -> None:
    """Registers the functions' sessions, which ministack creates, with the simulator."""
    sessions = []
    for function in stack.client("lambda").list_functions()["Functions"]:
        role = function["Role"].rsplit("/", 1)[-1]
        # As ministack derives it (core/lambda_runtime.py, execution_credentials).
        digest = hashlib.sha256(f"{function['FunctionArn']}:{function['Role']}".encode()).hexdigest()
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{function['FunctionName']}"
        sessions.append({"id": f"ASIA{digest[:16].upper()}", "arn": arn})
    world = json.loads(config.simulator_config.read_text())
    account = next(account for account in world["accounts"] if account["id"] == ACCOUNT)
    account["access_keys"] = [*account.get("access_keys", []), *sessions]
    request = urllib.request.Request(
        f"{stack.servers[0].url}/_simulator/config", json.dumps(world).encode(), {"content-type": "application/json"},
        method="PUT",
    )  # fmt: skip
    urllib.request.urlopen(request).close()


def _outputs(stack: Stack) -> dict[str, str]:
    described = stack.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def _write(config: Settings, stack: Stack) -> None:
    environment = stack.environment() if len(stack.servers) >= len(SERVERS) else {}
    document = {
        "stack_name": STACK_NAME,
        "account": ACCOUNT,
        "region": REGION,
        "environment": environment,
        "outputs": stack.outputs,
        "servers": [asdict(server) for server in stack.servers],
        "hubctl": str(program("hubctl")),
    }
    config.stack_file.write_text(json.dumps(document, indent=2) + "\n")
    lines = [f"export {name}={value}\n" for name, value in environment.items()]
    config.environment_file.write_text("".join(["unset AWS_PROFILE AWS_SESSION_TOKEN\n", *lines]))


def _run(command: list, environment: dict[str, str], log: Path) -> None:
    with log.open("wb") as output:
        done = subprocess.run(
            [str(part) for part in command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=output,
        )  # fmt: skip
    if done.returncode:
        sys.exit(f"{Path(command[0]).name} {command[1]} failed; the end of {log}:\n{processes.tail(log)}")


def _client(environment: dict[str, str], service: str):
    session = boto3.Session(
        environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], region_name=environment["AWS_REGION"]
    )
    return session.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"])


def _tool(name: str) -> Path:
    return Path(sys.executable).parent / name


def program(name: str) -> Path:
    """One of our own programs, as `make build` leaves it."""
    path = PROGRAMS / name
    if not path.exists():
        sys.exit(f"{path} is missing: make build")
    return path


def _run_with(config: Settings, command: list[str]) -> int:
    stack = up(config, _say)
    environment = os.environ | stack.environment() | {"STACK_FILE": str(config.stack_file)}
    try:
        code = subprocess.run(command, cwd=ROOT, env=environment).returncode
        wrong = permissions.denied(config.decisions_file, stack)
        if wrong:
            print("\n".join(["==> roles in template.yaml do not allow what their functions called:", *wrong]), flush=True)
        return code or bool(wrong)
    except KeyboardInterrupt:
        return processes.INTERRUPTED
    finally:
        down(config)


def _say(text: str) -> None:
    print(f"==> {text}", flush=True)


def main() -> None:
    # `kill` ends it as Ctrl-C does: all started processes are stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config = settings.read()
    verb, *command = sys.argv[1:] or [""]
    if verb == "up":
        stack = up(config, _say)
        print(f"==> up: {config.stack_file} has its names and endpoints; `. {config.environment_file}` for a shell")
        print("".join(f"    {name} = {value}\n" for name, value in stack.outputs.items()), end="")
    elif verb == "down":
        down(config)
    elif verb == "env":
        print("".join(f"{name}={value}\n" for name, value in load(config).environment().items()), end="")
    elif verb == "run" and command:
        sys.exit(_run_with(config, command))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
