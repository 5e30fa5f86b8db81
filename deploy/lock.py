"""Lock the dependencies of the functions' package, with hashes.

    python deploy/lock.py > src/onecopy/aws/deploy/requirements.txt

For every release, the list has the wheels for all Python versions and architectures that
`onecopy deploy` offers.
"""

import json
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

from onecopy.aws.deploy.choices import ARCHITECTURES
from onecopy.aws.deploy.package import NEEDED, Target, pip_options
from onecopy.aws.deploy.runtimes import RUNTIMES

_PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def main() -> None:
    """Resolve the dependencies for every target, and print one list for all."""
    wanted = [each for each in _dependencies() if each.partition(">")[0] in NEEDED]
    targets = [Target(python, arm) for python in RUNTIMES for arm in ARCHITECTURES]
    found: dict[str, set[str]] = defaultdict(set)
    for target in targets:
        for wheel in _resolve(wanted, target):
            release = f"{wheel['metadata']['name'].lower()}=={wheel['metadata']['version']}"
            found[release].add(wheel["download_info"]["archive_info"]["hashes"]["sha256"])
    print("# Made by deploy/lock.py.")
    for release, hashes in sorted(found.items()):
        print(" \\\n    ".join([release, *(f"--hash=sha256:{each}" for each in sorted(hashes))]))


def _dependencies() -> list[str]:
    project = tomllib.loads(_PROJECT.read_text())["project"]
    return list(project["dependencies"])


def _resolve(wanted: list[str], target: Target) -> list[dict[str, Any]]:
    """Return the report of what pip would install for a target."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--target", "nowhere", "--report", "-", *pip_options(target), *wanted]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    installed: list[dict[str, Any]] = json.loads(done.stdout)["install"]
    return installed


if __name__ == "__main__":
    main()
