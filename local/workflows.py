"""Checks the workflows of GitHub Actions: zizmor's audits, and the rules below.

    python local/workflows.py

Run by `make check`. `make actionlint` checks their syntax; its package downloads a program from github.com, which is why it is a
target of its own, run by the workflow CI.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse

from settings import ROOT

FOLDER = ROOT / ".github" / "workflows"
# An action by the digest of a commit, and the version that it is.
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@([0-9a-f]{40}) # v\d+\.\d+\.\d+$")


def uses(text: str) -> list[str]:
    """Each action that a workflow uses, with its comment."""
    return [line.split("uses:", 1)[1].strip() for line in text.splitlines() if "uses:" in line.split("#", 1)[0]]


def of_job(name: str, job: dict) -> list[str]:
    """Problems of a job, one per line."""
    wrong = [f"{name} has no {key}" for key in ("timeout-minutes", "permissions", "runs-on") if key not in job]
    if str(job.get("runs-on", "")).endswith("-latest"):
        wrong.append(f"{name} runs on whatever is the latest image")
    for step in job.get("steps", []):
        if step.get("uses", "").startswith("actions/checkout@") and step.get("with", {}).get("persist-credentials") is not False:
            wrong.append(f"{name} keeps the token in its clone: persist-credentials must be false")
        if "${{" in step.get("run", ""):
            wrong.append(f"{name} has an expression in a script: pass it as an environment variable")
    return wrong


def of_workflow(text: str) -> list[str]:
    """Problems of a workflow, one per line."""
    workflow = yaml_parse(text)
    wrong = [f"{action}: not pinned by digest, with its version as comment" for action in uses(text) if not PINNED.match(action)]
    if workflow.get("permissions") != {}:
        wrong.append("permissions of the workflow must be {}: each job states its own")
    if "concurrency" not in workflow:
        wrong.append("no concurrency")
    # The key `on` is a Boolean to YAML 1.1.
    if "pull_request_target" in (workflow.get("on") or workflow.get(True) or {}):
        wrong.append("pull_request_target runs code of strangers with this repository's permissions")
    return wrong + [line for name, job in workflow["jobs"].items() for line in of_job(name, job)]


def main() -> None:
    files = sorted(FOLDER.glob("*.yml"))
    texts = {file.name: file.read_text() for file in files}
    wrong = [f"{name}: {line}" for name, text in texts.items() for line in of_workflow(text)]
    versions: dict[str, set[str]] = {}
    for action in (action for text in texts.values() for action in uses(text)):
        versions.setdefault(action.split("@")[0], set()).add(action)
    wrong += [f"several versions of one action: {', '.join(sorted(found))}" for found in versions.values() if len(found) > 1]
    if wrong or not files:
        sys.exit("\n".join(wrong) or f"{FOLDER} has no workflows")
    print(f"{len(files)} workflows: {', '.join(texts)}")
    zizmor = Path(sys.executable).parent / "zizmor"
    sys.exit(subprocess.run([zizmor, "--offline", "--quiet", "--persona=pedantic", FOLDER.parent]).returncode)


if __name__ == "__main__":
    main()
