"""The software bill of materials of a program, in CycloneDX's JSON.

It is identical for two builds of one commit: its time is the commit's, and its serial number is made of what it describes.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import uuid
from datetime import datetime, timezone
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from crates import TARGETS, Crate

# The namespace of our serial numbers (RFC 9562, version 5).
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "securityhub-exporter")


def compiler() -> str:
    """The compiler: two builds are identical only if theirs is the same."""
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _library(crate: Crate) -> Component:
    library = Component(
        type=ComponentType.LIBRARY, name=crate.name, version=crate.version, bom_ref=f"{crate.name}@{crate.version}",
        licenses=[LicenseExpression(crate.license)],
    )  # fmt: skip
    # A crate of this repository is not the one that may have its name on crates.io.
    if crate.checksum:
        library.purl = PackageURL("cargo", name=crate.name, version=crate.version)
        library.hashes = [HashType(alg=HashAlgorithm.SHA_256, content=crate.checksum)]
    if crate.repository:
        library.external_references = [ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(crate.repository))]
    return library


def sbom(crates: list[Crate], program: str, target: str, artifact: Path, epoch: int, rustc: str) -> str:
    """The SBOM of a program: the crates compiled into it, and the SHA-256 of the file that has the program."""
    own = next(crate for crate in crates if crate.name == program)
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    application = Component(
        type=ComponentType.APPLICATION, name=program, version=own.version, bom_ref=f"{own.name}@{own.version}",
        licenses=[LicenseExpression(own.license)], hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        properties=[Property(name="file", value=artifact.name), Property(name="target", value=TARGETS[target])],
    )  # fmt: skip
    components = {crate.key: _library(crate) for crate in crates if crate is not own} | {own.key: application}
    bom = Bom(components=[component for component in components.values() if component is not application])
    bom.serial_number = uuid.uuid5(NAMESPACE, f"{program} {own.version} {target} {digest}")
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, timezone.utc)
    bom.metadata.component = application
    bom.metadata.tools.components.add(Component(type=ComponentType.APPLICATION, name="rustc", version=rustc.split()[1], bom_ref="rustc"))
    for crate in crates:
        bom.register_dependency(components[crate.key], [components[key] for key in sorted(crate.dependencies)])
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong:
        raise ValueError(f"the SBOM of {program} is not CycloneDX 1.6: {wrong}")
    return json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"
