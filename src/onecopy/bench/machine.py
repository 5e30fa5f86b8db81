"""Facts about the machine and the software that are measured."""

import platform
import re
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from onecopy.platforms import cores, load

_ENGINES = ("apsw", "psycopg", "boto3")
"""Packages that talk to indexes."""


def facts() -> dict[str, str | int | float]:
    """Return the facts on which figures depend, apart from the indexes."""
    average = load()
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "cores": cores(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "onecopy": version("onecopy"),
        **_versions(),
        **({} if average is None else {"load": round(average, 1)}),
    }


def _processor() -> str:
    with suppress(OSError):
        if match := re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text("utf-8")):
            return match[1]
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    versions = {}
    for name in _ENGINES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
