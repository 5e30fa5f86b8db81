"""The container, its Compose file and the unit, as far as they can be tested without running."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from onecopy import settings
from tests.standins import seaweedfs
from tests.standins.child import PROGRAMS, program

pytestmark = pytest.mark.server

_TOP = Path(__file__).parents[2]
_DEPLOY = _TOP / "deploy"
_COMPOSE = _DEPLOY / "compose.yaml"


def ran(*command: str | Path, **more: Any) -> str:  # noqa: ANN401 - subprocess's
    """Run a command that must succeed, and return what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    said: str = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def services() -> dict[str, Any]:
    """Return the services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load(_COMPOSE.read_text())["services"]
    return found


def test_the_dockerfile_is_as_it_should_be() -> None:
    """Hadolint has nothing to say."""
    assert ran(program("hadolint"), _DEPLOY / "Dockerfile") == ""


def test_the_container_runs_as_nobody_in_particular() -> None:
    """The service has no more rights than it needs, and shows whether it is alive."""
    last = (_DEPLOY / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert "\nUSER 10001\n" in last
    assert "/healthz" in last
    assert '\nENTRYPOINT ["onecopy"]\n' in last
    assert "npm" not in last


def test_what_the_image_is_built_of_is_sent_to_its_builder() -> None:
    """.dockerignore lets through what the Dockerfile copies, and no more."""
    copied = re.findall(
        r"^COPY (?!--)(.+) \S+$", (_DEPLOY / "Dockerfile").read_text(), re.MULTILINE
    )
    names = {name for line in copied for name in line.split()}
    rules = (_TOP / ".dockerignore").read_text().splitlines()
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == names
    assert all((_TOP / name).exists() for name in names)


def test_compose_is_as_its_specification_wants_it() -> None:
    """Read by an implementation of it."""
    text = "import sys, compose_spec; compose_spec.PyCompose.from_yaml(open(sys.argv[1]).read())"
    ran(PROGRAMS / "python", "-c", text, _COMPOSE)


def test_compose_gives_no_more_rights_than_are_needed() -> None:
    """Nothing that its linter calls grave; digests of images can only be had from a registry."""
    said = ran(program("compose-lint"), "--quiet", _COMPOSE)
    assert set(re.findall(r"CL-\d+", said)) <= {"CL-0019", "CL-0007"}
    for name, service in services().items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_no_password_stands_in_compose() -> None:
    """Each comes from a file of one's own, without which nothing starts."""
    variables = [service.get("environment", {}) for service in services().values()]
    secrets = [
        value
        for each in variables
        for name, value in each.items()
        if "PASSWORD" in name or "KEY" in name
    ]
    assert secrets
    assert all(re.fullmatch(r"\$\{\w+:\?.+\}", value) for value in secrets)


def test_the_service_is_told_what_settings_read() -> None:
    """By the variables that it looks at."""
    given = services()["onecopy"]["environment"]
    ours = {name for name in given if name.startswith("ONECOPY_")}
    assert ours == {"ONECOPY_INDEX", "ONECOPY_STORE"}
    assert ours <= set(settings._VARIABLES)


def test_the_store_takes_its_options_and_lets_our_page_send(tmp_path: Path) -> None:
    """The bucket is made when it starts, and pages of one origin may send to it."""
    theirs = services()["seaweedfs"]["command"]
    assert theirs[0] == "mini"
    ours = [each for each in theirs[1:] if not each.startswith(("-dir=", "-ip=", "-ip.bind="))]
    with seaweedfs() as standin:
        standin.child.command = [*standin.child.command, *ours]
        standin.restart()
        page = next(each for each in ours if "allowedOrigins" in each).partition("=")[2]
        # It is made a moment after the server answers.
        standin.client().get_waiter("bucket_exists").wait(Bucket="uploads")
        for origin, allowed in ((page, page), ("https://other.example", None)):
            asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
            answer = urllib3.request("OPTIONS", f"{standin.endpoint}/uploads/a", headers=asked)
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Return the unit, with a program that is there."""
    text = (_DEPLOY / "onecopy.service").read_text()
    assert "ExecStart=/opt/onecopy/bin/onecopy serve" in text
    path = tmp_path / "onecopy.service"
    path.write_text(text.replace("/opt/onecopy/bin/onecopy", "/bin/true"))
    return path


def test_the_unit_is_one(unit: Path) -> None:
    """Systemd understands each of its lines."""
    assert ran("systemd-analyze", "verify", "--man=no", unit, env=_quiet()) == ""


def test_the_unit_has_hardly_any_rights(unit: Path) -> None:
    """By systemd's own measure, of 0 (none) to 10 (all)."""
    said = ran(
        "systemd-analyze", "security", "--offline=true", "--threshold=15", unit, env=_quiet()
    )
    assert "exposure level" in said


def _quiet() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "SYSTEMD_LOG_LEVEL": "warning"}
