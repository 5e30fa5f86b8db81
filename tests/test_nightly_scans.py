"""The units and examples that scan every night: by systemd, cron and Airflow."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import environment

ROOT = Path(__file__).parent.parent
DEPLOY, EXAMPLES = ROOT / "deploy", ROOT / "examples"
AIRFLOW = ROOT / ".make/airflow/bin/airflow"
_PATIENCE = 30
"""Seconds for systemd to start, and for a scan to end."""
_MANAGER = "/lib/systemd/systemd --user"
_ALONE = f"mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system && exec {_MANAGER}"
"""Starts a user manager where systemd is not in charge: it only runs if this folder exists."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder with a store of one file, and with the program `onecopy`."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a").write_text("a")
    program = tmp_path / "bin/onecopy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m onecopy "$@"\n')
    program.chmod(0o755)
    return tmp_path


def settings(home: Path) -> dict[str, str]:
    """Return an environment with the settings of a scan, in which `onecopy` is found."""
    env = environment(
        home, ONECOPY_INDEX=f"sqlite:{home}/index.sqlite", ONECOPY_STORE=str(home / "files")
    )
    return {**env, "PATH": f"{home}/bin:{env['PATH']}"}


def stored(home: Path) -> int:
    """Return how many objects the index knows."""
    done = subprocess.run(
        ["onecopy", "report", "--json"], env=settings(home), capture_output=True, check=True
    )
    count: int = json.loads(done.stdout)["stored"]
    return count


@pytest.mark.server
def test_the_units_are_understood(tmp_path: Path) -> None:
    """By systemd, each of their lines; the service has hardly any rights."""
    for name in ("onecopy-scan.service", "onecopy-scan.timer"):
        text = (DEPLOY / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/onecopy/bin/onecopy", "/bin/true"))
    env = {"PATH": os.environ["PATH"], "SYSTEMD_LOG_LEVEL": "warning"}
    units = [f"{tmp_path}/onecopy-scan.service", f"{tmp_path}/onecopy-scan.timer"]
    verify = ["systemd-analyze", "verify", "--man=no", *units]
    verified = subprocess.run(verify, env=env, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=15", units[0]]
    assert subprocess.run(security, env=env, capture_output=True, check=False).returncode == 0


def test_the_scan_unit_has_the_rights_of_the_service() -> None:
    """Both units run as one user with one folder, and allow the program the same."""

    def rights(name: str) -> list[str]:
        lines = (DEPLOY / name).read_text().splitlines()
        return [line for line in lines[lines.index("DynamicUser=yes") :] if "=" in line]

    service = [line for line in rights("onecopy.service") if line != "WantedBy=multi-user.target"]
    assert rights("onecopy-scan.service") == service


@pytest.mark.soak  # it takes the right to mount, where systemd is not in charge
def test_a_timer_keeps_an_index_up_to_date(home: Path) -> None:
    """Systemd scans each time the timer elapses, and the next scan finds what has changed."""
    with manager(home) as control:
        control("start", "onecopy-scan.timer")
        wait_until(lambda: (home / "index.sqlite").exists() and stored(home) == 1)
        (home / "files/b").write_text("b")
        wait_until(lambda: stored(home) == 2)
        control("stop", "onecopy-scan.timer")
        assert control("show", "--value", "-p", "Result", "onecopy-scan.service") == "success"


@contextmanager
def manager(home: Path) -> Iterator[Callable[..., str]]:
    """Run the units by a systemd of our own, every second; yield its systemctl."""
    units, runtime = home / "units", home / "run"
    units.mkdir()
    runtime.mkdir(mode=0o700)
    for name, text in nightly(home).items():
        (units / name).write_text(text)
    env = {
        **settings(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "SYSTEMD_UNIT_PATH": f"{units}:/usr/lib/systemd/user",
    }
    booted = Path("/run/systemd/system").exists()
    command = _MANAGER.split() if booted else ["unshare", "--mount", "sh", "-c", _ALONE]

    def control(*arguments: str) -> str:
        done = subprocess.run(
            ["systemctl", "--user", *arguments], env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    if not booted:
        Path("/run/systemd").mkdir(exist_ok=True)
    with subprocess.Popen(command, env=env, start_new_session=True) as process:
        try:
            wait_until((runtime / "systemd/private").exists)
            yield control
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def nightly(home: Path) -> dict[str, str]:
    """Return the units, without a user of their own, and with a night of one second."""
    service = (DEPLOY / "onecopy-scan.service").read_text().partition("DynamicUser=")[0]
    service = service.replace("/opt/onecopy/bin/onecopy", f"{home}/bin/onecopy")
    service = service.replace("/var/lib/onecopy", str(home))
    timer = (DEPLOY / "onecopy-scan.timer").read_text()
    assert "OnCalendar=*-*-* 03:15:00\n" in timer
    timer = timer.replace("*-*-* 03:15:00", "*-*-* *:*:*\nAccuracySec=100ms")
    timer = timer.replace("RandomizedDelaySec=15min\n", "")
    return {"onecopy-scan.service": service, "onecopy-scan.timer": timer}


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it takes too long."""
    end = time.monotonic() + _PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.2)


def test_cron(home: Path) -> None:
    """The line of the example scans with its settings, and says what it found."""
    *_, line = (EXAMPLES / "scan.cron").read_text().splitlines()
    match = re.fullmatch(r"(\S+ ){5}onecopy (.*)", line)
    assert match is not None
    for count in (1, 2):
        (home / f"files/{count}").write_text(str(count))
        done = subprocess.run(
            ["sh", "-c", match[2]], env=settings(home), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert stored(home) == count + 1
    given = dict(
        re.findall(r"^(ONECOPY_\w+)=(.*)$", (EXAMPLES / "scan.cron").read_text(), re.MULTILINE)
    )
    assert given.keys() == {"ONECOPY_INDEX", "ONECOPY_STORE"}


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_airflow(home: Path) -> None:
    """Airflow runs the DAG: a scan, and then a report."""
    if not AIRFLOW.exists():
        pytest.fail(f"there is no {AIRFLOW}: run `make .make/airflow/installed`")
    env = {
        **settings(home),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONWARNINGS": "default",
    }
    run_airflow(env, "db", "migrate")
    said = run_airflow(env, "dags", "test", "onecopy_scan")
    assert "state=success" in said or "state:success" in said, said
    assert stored(home) == 1


def run_airflow(env: dict[str, str], *arguments: str) -> str:
    """Run Airflow's program; return what it printed."""
    done = subprocess.run(
        [AIRFLOW, *arguments], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
