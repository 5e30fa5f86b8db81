"""What a deployment would make, as the template says; asks nobody."""

import re
from pathlib import Path

from onecopy.aws.deploy.choices import Choices

TEMPLATE = Path(__file__).parent / "template.yaml"
_RESOURCE = re.compile(r"^  (\w+):\n    Type: (\S+)(?:\n    Condition: (\w+))?$", re.MULTILINE)
_BESIDES = {"Artifacts": "AWS::S3::Bucket", "SecretParameter": "AWS::SSM::Parameter"}
"""What the template names as parameters, and deploying makes before."""


def plan(choices: Choices) -> dict[str, str]:
    """Return what would be made in an account that has nothing yet: names with types."""
    holds = {
        "": True,
        "MakesBucket": choices.store is None,
        "MakesTable": True,
        "AnswersChecksums": bool(choices.checksum_origin),
        "HasIssuer": bool(choices.issuer),
        "TellsAlarms": bool(choices.alarm_email),
    }
    resources = TEMPLATE.read_text().partition("\nResources:\n")[2]
    found = _RESOURCE.findall(resources)
    return _BESIDES | {name: kind for name, kind, condition in found if holds[condition]}
