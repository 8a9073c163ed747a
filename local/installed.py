"""Installs a release on a local AWS, from its directory alone, and exports a scan.

    python local/installed.py DIRECTORY

Run by `make test-dist`. DIRECTORY is what `make dist` wrote. It is copied to an empty directory, and the commands of its README.md run
there, with the AWS CLI of .venv-awscli: nothing of this repository, of SAM, or of Rust is in their PATH. Then hubctl of the release
creates an integration, and a scan is uploaded and must arrive in the simulated Security Hub, as in `make demo`. At last, a release with a
changed function is installed by the commands of the section Upgrade.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import dist
import packaged
import permissions
import processes
import settings
import stack
from demo import FIRST_SCAN, Demo
from settings import ACCOUNT, REGION, ROOT, Settings
from stack import Stack

AWSCLI = ROOT / ".venv-awscli" / "bin"
# The bucket that a user creates for the files of the release.
BUCKET = "release-files"
# Placeholders in README.md for values of the reader.
PLACEHOLDERS = {"BUCKET": BUCKET, "REGION": REGION}


def commands(page: str, heading: str) -> str:
    """The commands of a section of the release's README.md, with values for its placeholders."""
    section = re.split(r"^## ", page, flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(f"{heading}\n"))
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if not blocks:
        raise ValueError(f"the section {heading} has no commands")
    # The progress of the AWS CLI is for terminals.
    text = "".join(blocks).replace("aws s3 cp ", "aws s3 cp --no-progress ")
    return re.sub(r"\b(" + "|".join(PLACEHOLDERS) + r")\b", lambda match: PLACEHOLDERS[match[0]], text)


def clean_path() -> str:
    """A PATH with the AWS CLI and the system's own programs. No Cargo, no SAM, no .venv."""
    return os.pathsep.join([str(AWSCLI), "/usr/bin", "/bin"])


def shell(script: str, directory: Path, environment: dict[str, str], answer: str = "", code: int = 0) -> None:
    """Runs commands and shows them; exits if they don't end with `code`. `answer` is what the user types."""
    for line in script.replace("\\\n", "").splitlines():
        print(f"$ {' '.join(line.split())}", flush=True)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=directory, env=environment, input=answer, text=True)
    if done.returncode != code:
        sys.exit(f"a command of README.md ended with {done.returncode}, not {code}")


def environment(copy: Path, up: Stack) -> dict[str, str]:
    """What a user's shell has: the AWS CLI and the credentials."""
    return {"PATH": clean_path(), "HOME": str(copy)} | up.environment()


def install(config: Settings, up: Stack, copy: Path) -> None:
    """Runs the commands of the section Install, with the local stack's parameters."""
    local = " ".join(f"{name}={value}" for name, value in config.parameters.items())
    script, given = commands((copy / "README.md").read_text(), "Install"), f"ArtifactBucket={BUCKET}"
    if script.count(given) != 1:
        sys.exit("README.md does not set ArtifactBucket in one command")
    shell(script.replace(given, f"{given} {local}"), copy, environment(copy, up))


def first_install(copy: Path):
    """What deploys a release on a new stack: the sums are checked, and the bucket is created."""

    def deploy(config: Settings, up: Stack) -> None:
        shell(f"sha256sum --check --quiet --strict {dist.SUMS}\naws s3 mb s3://{BUCKET} --region {REGION}", copy, environment(copy, up))
        install(config, up, copy)

    return deploy


def upgrade(config: Settings, up: Stack, copy: Path) -> None:
    """upgrade.sh deploys a release whose function has changed: here, by a comment in its zip file. Parameters keep their values."""
    old = next((copy / "functions").glob("export-findings-*.zip"))
    with zipfile.ZipFile(old, "a") as archive:
        archive.comment = b"the next release"
    match = packaged.ARTIFACT.match(old.name)
    name = packaged.artifact_name(match["program"], match["architecture"], hashlib.sha256(old.read_bytes()).hexdigest())
    template = copy / "template.yaml"
    template.write_text(template.read_text().replace(old.name, name))
    old.rename(old.with_name(name))
    before = parameters(up)
    script = commands((copy / "README.md").read_text(), "Upgrade").rstrip()
    shell(script, copy, environment(copy, up), answer="n\n", code=1)
    shell(f"{script} --yes", copy, environment(copy, up))
    check_code(up, copy)
    if parameters(up) != before:
        sys.exit(f"the upgrade changed parameters: {before} to {parameters(up)}")
    shell(f"{script} --yes", copy, environment(copy, up))


def parameters(up: Stack) -> dict[str, str]:
    """The values of the parameters of the stack."""
    described = up.client("cloudformation").describe_stacks(StackName=settings.STACK_NAME)["Stacks"][0]
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in described["Parameters"]}


def check_code(up: Stack, copy: Path) -> None:
    """The functions have the code of the release."""
    deployed = {function["CodeSha256"] for function in up.client("lambda").list_functions()["Functions"]}
    released = {base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode() for file in (copy / "functions").glob("*.zip")}
    if not deployed or not deployed <= released:
        sys.exit(f"the functions have the code {deployed}, and the release has {released}")


def export(up: Stack, copy: Path, started: float) -> None:
    """A scan that is uploaded arrives in Security Hub."""
    # The first command extracts the archive of Linux on x86_64; the others write to the system's directories.
    extract = commands((copy / "README.md").read_text(), "The command line").splitlines()[0].replace("linux-x86_64", dist.target())
    shell(extract, copy, {"PATH": clean_path()})
    if not (copy / "hubctl/share/man/man1/hubctl-integration-create.1").is_file():
        sys.exit("the archive of hubctl has no manual pages")
    demo = Demo(up, started, program=copy / "hubctl" / "bin" / "hubctl")
    demo.hubctl("integration", "create", "--provider", ACCOUNT, "--alias", "production")
    report = demo.export(FIRST_SCAN)
    held = demo.show()
    if not held or held != report["counts"]["sent"]:
        sys.exit(f"the run sent {report['counts']['sent']} findings, and Security Hub has {held}")
    demo.say(f"installed from {copy.name} alone, and exported {held} findings")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    source = Path(sys.argv[1]).resolve()
    if not (source / "template.yaml").is_file():
        sys.exit(f"{source} has no template.yaml: make dist, on Linux")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config, started = settings.read(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="release-") as temporary:
        copy = Path(temporary) / "dist"
        shutil.copytree(source, copy)
        try:
            up = stack.up(config, deploy=first_install(copy))
            check_code(up, copy)
            export(up, copy, started)
            upgrade(config, up, copy)
            wrong = permissions.denied(config.decisions_file, up)
            if wrong:
                sys.exit("\n".join(["roles in template.yaml do not allow what their functions called:", *wrong]))
        except KeyboardInterrupt:
            sys.exit(processes.INTERRUPTED)
        finally:
            stack.down(config)


if __name__ == "__main__":
    main()
