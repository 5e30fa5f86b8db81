"""Write aws/deploy/requirements.txt: the dependencies of the functions' package, with hashes.

    python deploy/lock.py > src/onecopy/aws/deploy/requirements.txt

Of every release it names the wheels for all Pythons and architectures that `onecopy deploy` offers.
"""

import json
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

from onecopy.aws.deploy.choices import ARCHITECTURES, PYTHONS
from onecopy.aws.deploy.package import NEEDED, Target, pip_options

_PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def main() -> None:
    """Resolve for every target, and print one list for all of them."""
    asked = [each for each in _dependencies() if each.partition(">")[0] in NEEDED]
    targets = [Target(python, arm) for python in PYTHONS for arm in ARCHITECTURES]
    found: dict[str, set[str]] = defaultdict(set)
    for target in targets:
        for wheel in _resolve(asked, target):
            named = f"{wheel['metadata']['name'].lower()}=={wheel['metadata']['version']}"
            found[named].add(wheel["download_info"]["archive_info"]["hashes"]["sha256"])
    print("# Made by deploy/lock.py.")
    for named, hashes in sorted(found.items()):
        print(" \\\n    ".join([named, *(f"--hash=sha256:{each}" for each in sorted(hashes))]))


def _dependencies() -> list[str]:
    project = tomllib.loads(_PROJECT.read_text())["project"]
    return list(project["dependencies"])


def _resolve(asked: list[str], target: Target) -> list[dict[str, Any]]:
    """Return what pip would install there."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--target", "nowhere", "--report", "-", *pip_options(target), *asked]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    installed: list[dict[str, Any]] = json.loads(done.stdout)["install"]
    return installed


if __name__ == "__main__":
    main()
