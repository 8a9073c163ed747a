"""The packaged template is template.yaml, but for the code of the functions."""

from __future__ import annotations

import unittest
from functools import cache
from pathlib import Path

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

import application
import packaged
import release_notes
from settings import ROOT

SOURCE = (ROOT / "template.yaml").read_text()
EXAMPLE = packaged.example(SOURCE)
ADDED = {"ArtifactBucket", "ArtifactPrefix"}


def functions(template: dict) -> dict[str, dict]:
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == packaged.FUNCTION}


@cache
def text(*names: str) -> str:
    """The packaged template, created once for each set of zip files."""
    return packaged.packaged(SOURCE, list(names))


def only(architecture: str) -> list[str]:
    return [name for name in EXAMPLE if f"-{architecture}-" in name]


class Packaged(unittest.TestCase):
    def test_all_but_the_code_and_its_parameters_is_as_in_the_source(self) -> None:
        source, result = yaml_parse(SOURCE), yaml_parse(text(*EXAMPLE))
        self.assertEqual(len(functions(source)), 3)
        for name, function in functions(source).items():
            del function["Metadata"]
            self.assertEqual(function["Properties"].pop("CodeUri"), ".")
            code = functions(result)[name]["Properties"].pop("CodeUri")
            self.assertEqual(code["Bucket"], {"Ref": "ArtifactBucket"})
        self.assertEqual(ADDED, result["Parameters"].keys() - source["Parameters"].keys())
        for name in ADDED:
            del result["Parameters"][name]
        self.assertEqual(result["Conditions"].pop("IsX8664"), {"Fn::Equals": [{"Ref": "Architecture"}, "x86_64"]})
        for template in (source, result):
            template["Parameters"]["Architecture"].pop("Description")
        groups = result["Metadata"][packaged.INTERFACE]["ParameterGroups"]
        self.assertEqual(set(groups.pop(0)["Parameters"]), ADDED)
        del source["Metadata"][packaged.APPLICATION]
        self.assertEqual(result, source)

    def test_each_architecture_has_its_zip_file(self) -> None:
        for name, function in functions(yaml_parse(text(*EXAMPLE))).items():
            key = function["Properties"]["CodeUri"]["Key"]
            self.assertEqual(key["Fn::If"][0], "IsX8664", name)
            for value, architecture in zip(key["Fn::If"][1:], packaged.ARCHITECTURES, strict=True):
                self.assertRegex(value["Fn::Sub"], rf"^\$\{{ArtifactPrefix\}}[a-z-]+-{architecture}-0+\.zip$")

    def test_the_transform_of_cloudformation_passes_bucket_and_key_on(self) -> None:
        translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
        resources = translator.translate(yaml_parse(text(*EXAMPLE)), {})["Resources"]
        code = [resource["Properties"]["Code"] for resource in resources.values() if resource["Type"] == "AWS::Lambda::Function"]
        self.assertEqual([place["S3Bucket"] for place in code], [{"Ref": "ArtifactBucket"}] * 3)
        self.assertEqual(len({str(place["S3Key"]["Fn::If"]) for place in code}), 3)

    def test_only_architectures_with_zip_files_are_allowed(self) -> None:
        template = yaml_parse(text(*only("arm64")))
        self.assertEqual(template["Parameters"]["Architecture"]["AllowedValues"], ["arm64"])
        self.assertEqual(template["Parameters"]["Architecture"]["Default"], "arm64")
        self.assertNotIn("IsX8664", template["Conditions"])

    def test_a_changed_function_has_another_key(self) -> None:
        changed = [name.replace("0" * 16, "1" * 16) if "export-findings-x86_64" in name else name for name in only("x86_64")]
        before, after = (functions(yaml_parse(text(*names))) for names in (only("x86_64"), changed))
        self.assertEqual([name for name in before if before[name] != after[name]], ["ExportFindingsFunction"])

    def test_comments_and_short_forms_are_kept(self) -> None:
        lines = text(*EXAMPLE)
        for kept in ("# --- Export ---", "!GetAtt ExportFindingsRole.Arn"):
            self.assertTrue(kept in lines, kept)
        for gone in ("Fn::GetAtt", "Cargo"):
            self.assertFalse(gone in lines, gone)

    def test_missing_and_unknown_zip_files_are_rejected(self) -> None:
        wrong = {
            "no zip file": EXAMPLE[2:],
            "same architectures": EXAMPLE[1:],
            "nothing else": [*EXAMPLE, packaged.artifact_name("hubctl", "arm64", "0" * 64)],
            "not the name": ["bootstrap.zip"],
            "same function": [*EXAMPLE, EXAMPLE[0].replace("0" * 16, "1" * 16)],
        }
        for message, names in wrong.items():
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                packaged.packaged(SOURCE, names)

    def test_the_application_has_the_version_of_the_packages(self) -> None:
        application = yaml_parse(SOURCE)["Metadata"][packaged.APPLICATION]
        self.assertEqual(application["SemanticVersion"], release_notes.cargo_version((ROOT / "Cargo.toml").read_text()))
        for key in ("LicenseUrl", "ReadmeUrl"):
            self.assertTrue((ROOT / application[key]).is_file())


class Application(unittest.TestCase):
    def test_the_application_has_the_zip_files_of_one_architecture(self) -> None:
        result = yaml_parse(application.application(SOURCE, Path("dist/functions"), EXAMPLE))
        code = [function["Properties"]["CodeUri"] for function in functions(result).values()]
        self.assertEqual(sorted(code), [f"dist/functions/{name}" for name in sorted(only("x86_64"))])
        self.assertEqual(result["Parameters"]["Architecture"]["AllowedValues"], ["x86_64"])
        with self.assertRaisesRegex(ValueError, "no zip file for x86_64"):
            application.application(SOURCE, Path("dist/functions"), only("arm64"))


if __name__ == "__main__":
    unittest.main()
