"""The packaged template of a release: template.yaml, with the zip files of the functions in a bucket that parameters name.

    python local/packaged.py OUTPUT

`make dist` packages it with local/dist.py. This command writes it with names of zip files that don't exist, for `make check`. The result
needs neither the SAM CLI nor this repository: `aws cloudformation deploy` deploys it. The transform stays, because CloudFormation
applies it. ruamel.yaml keeps comments and CloudFormation's tags.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar

from settings import ROOT

FUNCTION = "AWS::Serverless::Function"
APPLICATION = "AWS::ServerlessRepo::Application"
INTERFACE = "AWS::CloudFormation::Interface"
ARCHITECTURES = ("x86_64", "arm64")
# Hexadecimal digits of a zip file's SHA-256 in its name: a changed function has another key, and CloudFormation deploys it.
DIGEST_CHARACTERS = 16
ARTIFACT = re.compile(rf"^(?P<program>[a-z-]+)-(?P<architecture>{'|'.join(ARCHITECTURES)})-(?P<digest>[0-9a-f]{{{DIGEST_CHARACTERS}}})\.zip$")
# What a template of a release has and template.yaml has not.
PARAMETERS = f"""\
ArtifactBucket:
  Type: String
  AllowedPattern: ^[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9]$
  Description: >-
    Name of the bucket that contains the zip files of the functions (directory functions of the release). It must be in the Region
    of the stack.
ArtifactPrefix:
  Type: String
  Default: securityhub-exporter/
  MaxLength: 512
  AllowedPattern: ^$|^[A-Za-z0-9!_.()/=+@:, -]*/$
  Description: >-
    Prefix of the keys of the zip files, with a slash at its end, or empty. A key is the prefix followed by the name of the file, which
    contains the SHA-256 of its content.
"""


def artifact_name(program: str, architecture: str, digest: str) -> str:
    """The name of a function's zip file, by the SHA-256 of its content."""
    return f"{program}-{architecture}-{digest[:DIGEST_CHARACTERS]}.zip"


def artifacts(names: list[str]) -> dict[str, dict[str, str]]:
    """The zip files by program and architecture. Names that are no zip file's are an error."""
    found: dict[str, dict[str, str]] = {}
    for name in sorted(names):
        match = ARTIFACT.match(name)
        if not match:
            raise ValueError(f"{name} is not the name of a function's zip file")
        by_architecture = found.setdefault(match["program"], {})
        if match["architecture"] in by_architecture:
            raise ValueError(f"{name} and {by_architecture[match['architecture']]} are the same function")
        by_architecture[match["architecture"]] = name
    return found


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _tagged(tag: str, value: str) -> TaggedScalar:
    return TaggedScalar(value=value, tag=tag)


def _key(name: str) -> TaggedScalar:
    return _tagged("!Sub", f"${{ArtifactPrefix}}{name}")


def _code(files: dict[str, str]) -> CommentedMap:
    """CodeUri of a function whose zip files are given by architecture."""
    keys = [_key(files[name]) for name in sorted(files, reverse=True)]
    key = keys[0]
    if len(keys) > 1:
        key = CommentedSeq(["IsX8664", *keys])
        key.yaml_set_ctag(_if_tag())
        key.fa.set_flow_style()
    return CommentedMap(Bucket=_tagged("!Ref", "ArtifactBucket"), Key=key)


def _if_tag():
    return _yaml().load("!If [a, b]").tag


def _functions(template: CommentedMap, files: dict[str, dict[str, str]]) -> set[str]:
    """Points each function to its zip files, and returns the architectures that all functions have."""
    used, common = set(), set(ARCHITECTURES)
    for name, resource in template["Resources"].items():
        if resource["Type"] != FUNCTION:
            continue
        program = resource.pop("Metadata")["BuildProperties"]["Binary"]
        if program not in files:
            raise ValueError(f"{name} has no zip file: {program} is missing")
        used.add(program)
        common &= files[program].keys()
        properties = resource["Properties"]
        properties["CodeUri"] = _code(files[program])
        # The comment above it is about the build.
        properties.ca.items.pop("Description", None)
    if files.keys() != used or any(found.keys() != common for found in files.values()):
        raise ValueError(f"every function must have a zip file for the same architectures, and nothing else: {sorted(files)}")
    return common


def _parameters(template: CommentedMap, architectures: set[str]) -> None:
    for position, (name, parameter) in enumerate(_yaml().load(PARAMETERS).items()):
        template["Parameters"].insert(position, name, parameter)
    architecture = template["Parameters"]["Architecture"]
    allowed = CommentedSeq(name for name in ARCHITECTURES if name in architectures)
    allowed.fa.set_flow_style()
    architecture["AllowedValues"] = allowed
    architecture["Default"] = allowed[0]
    architecture["Description"] = "Processor of the functions. The release has a zip file of each function for each allowed value."
    if len(allowed) > 1:
        template["Conditions"].insert(0, "IsX8664", _yaml().load(f"!Equals [!Ref Architecture, {ARCHITECTURES[0]}]"))
    groups = template["Metadata"][INTERFACE]["ParameterGroups"]
    groups.insert(0, _yaml().load("Label: { default: Files of the release }\nParameters: [ArtifactBucket, ArtifactPrefix]"))


def packaged(source: str, names: list[str]) -> str:
    """The packaged template, of the text of template.yaml and the names of the functions' zip files."""
    yaml = _yaml()
    template = yaml.load(source)
    architectures = _functions(template, artifacts(names))
    _parameters(template, architectures)
    # It names files of the repository; publish-sar.yml publishes an application by it.
    application = template["Metadata"].pop(APPLICATION)
    template.yaml_set_start_comment(f"securityhub-exporter {application['SemanticVersion']}. Made of template.yaml by make dist; README.md has the commands.")
    text = io.StringIO()
    yaml.dump(template, text)
    return text.getvalue()


def example(source: str) -> list[str]:
    """Names of zip files for each function of a template, on both architectures."""
    resources = _yaml().load(source)["Resources"].values()
    programs = [resource["Metadata"]["BuildProperties"]["Binary"] for resource in resources if resource["Type"] == FUNCTION]
    return [artifact_name(program, name, "0" * DIGEST_CHARACTERS) for program in programs for name in ARCHITECTURES]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    source = (ROOT / "template.yaml").read_text()
    output = Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(packaged(source, example(source)))


if __name__ == "__main__":
    main()
