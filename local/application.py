"""The template of the application in the AWS Serverless Application Repository: template.yaml, with the zip files of a release.

    python local/application.py FUNCTIONS OUTPUT

Run by the workflow publish-sar.yml. FUNCTIONS is the directory functions of a release. `sam package` uploads the zip files that the result
names. An application has one set of code, so it is for x86_64 alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

import packaged
from settings import ROOT

ARCHITECTURE = "x86_64"


def application(source: str, functions: Path, names: list[str]) -> str:
    """The template, of the text of template.yaml and the names of the zip files, whose directory is given as the result's reader sees it."""
    template, files = yaml_parse(source), packaged.artifacts(names)
    for name, resource in template["Resources"].items():
        if resource["Type"] != packaged.FUNCTION:
            continue
        program = resource.pop("Metadata")["BuildProperties"]["Binary"]
        if ARCHITECTURE not in files.get(program, {}):
            raise ValueError(f"{name} has no zip file for {ARCHITECTURE}")
        resource["Properties"]["CodeUri"] = (functions / files[program][ARCHITECTURE]).as_posix()
    template["Parameters"]["Architecture"] |= {"AllowedValues": [ARCHITECTURE], "Default": ARCHITECTURE}
    return yaml_dump(template)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    functions, output = Path(sys.argv[1]), Path(sys.argv[2])
    names = [file.name for file in functions.glob("*.zip")]
    try:
        text = application((ROOT / "template.yaml").read_text(), Path(os.path.relpath(functions, output.parent)), names)
    except ValueError as error:
        sys.exit(f"failed to write {output}: {error}")
    output.write_text(text)


if __name__ == "__main__":
    main()
