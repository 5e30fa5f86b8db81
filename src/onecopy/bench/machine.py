"""What the figures were measured on."""

import os
import platform
import re
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ENGINES = ("apsw", "psycopg", "boto3")
"""The packages that speak to indexes."""


def facts() -> dict[str, str | int | float]:
    """Return what the figures depend on, besides the indexes."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "cores": _cores(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "onecopy": version("onecopy"),
        **_versions(),
        **_load(),
    }


def _cores() -> int:
    """Return how many cores we may use, which may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    with suppress(OSError):
        if found := re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text("utf-8")):
            return found[1]
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for name in _ENGINES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _load() -> dict[str, float]:
    """Return how busy the machine was in the last minute, where it tells."""
    return {"load": round(os.getloadavg()[0], 1)} if hasattr(os, "getloadavg") else {}
