"""Names of processes, by which others on the same machine find out that they have ended."""

import os
import re
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_NAME = re.compile(r"([0-9]{1,9})\.([0-9]{1,14})\.([0-9a-f]{6})")
"""The process id, the time of the start, and a hash of the kernel and the namespaces of both."""
_ENDED = {b"Z", b"X"}
"""States of a process that has ended, but whose parent has not noticed it yet: see proc(5)."""


def process_name() -> str:
    """Return a name of this process, of up to 31 characters; "" if the system provides none.

    No other process has it, also after this one has ended, or on another machine (Linux).
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
        namespaces = bytes(Path("/proc/self/ns/pid").readlink())
        with suppress(FileNotFoundError):  # before Linux 5.6; see time_namespaces(7)
            namespaces += bytes(Path("/proc/self/ns/time").readlink())
        stat = Path("/proc/self/stat").read_bytes()
    except OSError:
        return ""
    number = os.getpid()
    if not stat.startswith(b"%d " % number):  # /proc shows another namespace
        return ""
    place = sha256(boot + namespaces).hexdigest()[:6]
    return f"{number}.{_start(stat)}.{place}"


def has_ended(name: str) -> bool:
    """Return whether a process has certainly ended; False if it runs on another machine."""
    match = _NAME.fullmatch(name)
    if match is None or match[3] != process_name().rpartition(".")[2]:
        return False
    try:
        with suppress(PermissionError):  # of another user: it exists
            os.kill(int(match[1]), 0)
    except ProcessLookupError:
        return True
    try:
        stat = Path("/proc", match[1], "stat").read_bytes()
    except OSError:  # of another user, and hidden
        return False
    return _start(stat) != match[2]


def _start(stat: bytes) -> str:
    """Return when a process has started, in ticks since the boot; "" if it has ended."""
    fields = stat.rpartition(b") ")[2].split()
    return "" if fields[0] in _ENDED else fields[19].decode()
