"""The resources of a deployment, read from the template, without contacting AWS."""

import re
from pathlib import Path

from onecopy.aws.deploy.choices import Choices

TEMPLATE = Path(__file__).parent / "template.yaml"
_RESOURCE = re.compile(r"^  (\w+):\n    Type: (\S+)(?:\n    Condition: (\w+))?$", re.MULTILINE)
_PARAMETERS = {"Artifacts": "AWS::S3::Bucket", "SecretParameter": "AWS::SSM::Parameter"}
"""Resources that the template refers to by parameters, since deploying creates them first."""


def plan(choices: Choices) -> dict[str, str]:
    """Return the resources of a first deployment: type by logical name."""
    conditions = {
        "": True,
        "MakesBucket": choices.store is None,
        "MakesTable": True,
        "HasChecksumApi": bool(choices.checksum_origin),
        "HasIssuer": bool(choices.issuer),
        "Confirms": choices.confirm_large != "no",
        "SendsAlarms": bool(choices.alarm_email),
    }
    resources = TEMPLATE.read_text("utf-8").partition("\nResources:\n")[2]
    rows = _RESOURCE.findall(resources)
    return _PARAMETERS | {name: kind for name, kind, condition in rows if conditions[condition]}
