"""deploy/prowler-scan.yaml scans what it should: its commands, run with stand-ins for Prowler, pip, and the AWS CLI.

The build's environment and commands are those of the template. The stand-ins write down how they were called; the bucket is a folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from samcli.yamlhelper import yaml_parse

from settings import ROOT

SCAN = yaml_parse((ROOT / "deploy/prowler-scan.yaml").read_text())
ROLE = yaml_parse((ROOT / "deploy/prowler-scan-role.yaml").read_text())
PROJECT = SCAN["Resources"]["Project"]["Properties"]
OWN, OTHER, THIRD = "123456789012", "210987654321", "345678901234"

# Writes a scan of the account in --role, but none of the account in FAILS. A scan waits until TOGETHER of them run at the same time, for
# up to five seconds.
PROWLER = """#!/usr/bin/env bash
set -eu
printf '%s\\n' "prowler $*" >> "$CALLS"
while [ $# -gt 0 ]; do
  case "$1" in
    --role) account=$(cut -d: -f5 <<< "$2"); shift ;;
    --output-directory) folder=$2; shift ;;
    --output-filename) name=$2; shift ;;
  esac
  shift
done
touch "$STARTS/$account"
for _ in $(seq 100); do
  [ "$(ls "$STARTS" | wc -l)" -ge "$TOGETHER" ] && break
  sleep 0.05
done
ls "$STARTS" | wc -l >> "$MOST"
if [ "$account" = "$FAILS" ]; then echo "no access to $account"; exit 1; fi
echo "[{\\"account\\": \\"$account\\"}]" > "$folder/$name.ocsf.json"
sleep 0.05
rm "$STARTS/$account"
"""
AWS = """#!/usr/bin/env bash
set -eu
printf '%s\\n' "aws $*" >> "$CALLS"
case "$1 $2" in
  "organizations list-accounts") printf '%s\\t%s\\n%s\\n' $ORGANIZATION ;;
  "s3 cp") mkdir -p "$(dirname "$BUCKETS/${5#s3://}")"; cp "$4" "$BUCKETS/${5#s3://}" ;;
  *) exit 1 ;;
esac
"""
PYTHON = '#!/usr/bin/env bash\nprintf "%s\\n" "python3 $*" >> "$CALLS"\n'


def commands() -> list[str]:
    """The build's commands, in the order in which CodeBuild runs them."""
    phases = yaml.safe_load(PROJECT["Source"]["BuildSpec"])["phases"]
    return [command for phase in ("install", "build") for command in phases[phase]["commands"]]


class Build:
    """One build, in a folder of its own."""

    def __init__(self, folder: str, together: int = 1, fails: str = "", **parameters: str) -> None:
        self.folder = Path(folder)
        for name, text in {"prowler": PROWLER, "aws": AWS, "python3": PYTHON}.items():
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)
        for name in ("buckets", "starts", "tmp"):
            (self.folder / name).mkdir()
        pseudo = {"AWS::AccountId": OWN, "AWS::Partition": "aws"}
        defaults = {name: str(parameter.get("Default")) for name, parameter in SCAN["Parameters"].items()}
        values = pseudo | defaults | {"ScanBucketName": "the-bucket"} | parameters
        environment = {each["Name"]: values[each["Value"]["Ref"]] for each in PROJECT["Environment"]["EnvironmentVariables"]}
        environment |= {
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
            "TMPDIR": str(self.folder / "tmp"),
            "CALLS": str(self.folder / "calls"),
            "BUCKETS": str(self.folder / "buckets"),
            "STARTS": str(self.folder / "starts"),
            "MOST": str(self.folder / "most"),
            "ORGANIZATION": f"{OWN} {OTHER} {THIRD}",
            "TOGETHER": str(together),
            "FAILS": fails,
        }
        done = subprocess.run(["bash", "-c", "\n".join(commands())], env=environment, capture_output=True, text=True, timeout=60)
        self.succeeded = done.returncode == 0
        self.log = done.stdout + done.stderr
        self.calls = (self.folder / "calls").read_text().splitlines()

    def of(self, program: str) -> list[str]:
        return [call for call in self.calls if call.startswith(program)]

    @property
    def uploads(self) -> dict[str, str]:
        """The keys of the bucket without the time in their names, and the account whose scan each is."""
        bucket = self.folder / "buckets/the-bucket"
        files = [file for file in bucket.rglob("*") if file.is_file()]
        keys = {file: str(file.relative_to(bucket)) for file in files}
        return {key.rsplit("-", 1)[0]: json.loads(file.read_text())[0]["account"] for file, key in keys.items()}

    @property
    def most_together(self) -> int:
        return max(int(line) for line in (self.folder / "most").read_text().split())


class ProwlerScan(unittest.TestCase):
    def build(self, **settings) -> Build:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Build(folder.name, **settings)

    def test_the_commands_are_bash(self) -> None:
        for command in commands():
            subprocess.run(["bash", "-n", "-c", command], check=True)

    def test_one_account_is_scanned_by_its_role_and_uploaded_under_its_prefix(self) -> None:
        build = self.build()
        self.assertTrue(build.succeeded, build.log)
        self.assertEqual(build.uploads, {f"scans/{OWN}/prowler-{OWN}": OWN})
        self.assertRegex(str(build.of("aws")), rf"s3://the-bucket/scans/{OWN}/prowler-{OWN}-\d{{8}}T\d{{6}}Z\.ocsf\.json")
        version = SCAN["Parameters"]["ProwlerVersion"]["Default"]
        self.assertEqual([call.split()[-1] for call in build.of("python3")], [f"prowler=={version}"])
        [scan] = build.of("prowler")
        self.assertIn(f"--role arn:aws:iam::{OWN}:role/ProwlerScan ", scan)
        self.assertIn("--output-formats json-ocsf ", scan)
        self.assertIn("--ignore-exit-code-3", scan)
        self.assertNotIn("--region", scan)
        self.assertNotIn("--external-id", scan)
        self.assertEqual(list((build.folder / "tmp").iterdir()), [])

    def test_regions_external_id_and_options_reach_prowler(self) -> None:
        build = self.build(
            Regions="eu-west-1,us-east-1", ExternalId="an-id", ProwlerOptions="--excluded-service s3 ec2", ScanKeyPrefix="a/b/",
            **{"ScanRoleName": "Reader", "AWS::Partition": "aws-cn"},
        )
        self.assertTrue(build.succeeded, build.log)
        [scan] = build.of("prowler")
        self.assertIn(f"--role arn:aws-cn:iam::{OWN}:role/Reader ", scan)
        self.assertIn("--external-id an-id --region eu-west-1 us-east-1 --excluded-service s3 ec2 --output-formats", scan)
        self.assertEqual(list(build.uploads), [f"a/b/{OWN}/prowler-{OWN}"])

    def test_accounts_are_scanned_in_parallel_up_to_the_limit(self) -> None:
        build = self.build(together=2, Accounts=f"{OWN},{OTHER},{THIRD}", ParallelAccounts="2")
        self.assertTrue(build.succeeded, build.log)
        self.assertEqual(sorted(build.uploads.values()), [OWN, OTHER, THIRD])
        self.assertEqual(build.most_together, 2)

    def test_the_accounts_of_an_organization_are_listed(self) -> None:
        build = self.build(Accounts="all")
        self.assertTrue(build.succeeded, build.log)
        self.assertEqual(sorted(build.uploads.values()), [OWN, OTHER, THIRD])
        self.assertIn("== 'ACTIVE'", build.of("aws organizations")[0])

    def test_a_failed_scan_is_not_uploaded_and_fails_the_build_after_the_others(self) -> None:
        build = self.build(Accounts=f"{OWN},{OTHER},{THIRD}", ParallelAccounts="1", fails=OWN)
        self.assertFalse(build.succeeded)
        self.assertEqual(sorted(build.uploads.values()), [OTHER, THIRD])
        self.assertIn(f"{OWN}: no access to {OWN}\n{OWN}: failed to scan\n", build.log)
        self.assertIn(f"{OTHER}: uploaded\n", build.log)

    def test_the_alarm_searches_for_what_the_build_logs(self) -> None:
        description = SCAN["Resources"]["FailedBuildsAlarm"]["Properties"]["AlarmDescription"]
        self.assertIn('"failed to scan"', str(description))
        self.assertIn("failed to scan", commands()[-1])


class Permissions(unittest.TestCase):
    def test_the_scan_role_is_the_same_in_both_templates(self) -> None:
        here, elsewhere = (template["Resources"]["ScanRole"]["Properties"] for template in (SCAN, ROLE))
        for properties in (here, elsewhere):
            properties["AssumeRolePolicyDocument"]["Statement"][0].pop("Principal")
        self.assertEqual(here, elsewhere)

    def test_the_scan_role_reads_only(self) -> None:
        statements = SCAN["Resources"]["ScanRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        actions = [action for each in statements for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])]
        verbs = ("Get", "List", "Describe", "BatchGet", "Search", "Filter", "GET")
        self.assertEqual([action for action in actions if not action.split(":")[1].startswith(verbs)], [])
        self.assertEqual([action for action in actions if action.startswith("secretsmanager:") or action == "s3:GetObject"], [])

    def test_every_parameter_is_in_a_group(self) -> None:
        groups = SCAN["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        self.assertEqual({name for group in groups for name in group["Parameters"]}, set(SCAN["Parameters"]))


if __name__ == "__main__":
    unittest.main()
