"""A server's process and those that it starts: one group, ended as a whole."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).parents[2] / ".make" / "standins" / "bin"
"""Others' servers and clients: in an environment of their own, since they pin what we use."""
_PATIENCE = 10
"""Seconds for a process to end."""


def program(name: str) -> str:
    """Return the path of one of others' programs; fails with how to get it."""
    path = PROGRAMS / name
    if not path.exists():
        raise FileNotFoundError(f"there is no {name}: run `make .make/standins/installed`")
    return str(path)


@dataclass(eq=False)
class Child:
    """A command that can be started again over the same folder."""

    command: Sequence[str]
    folder: Path
    """It runs here, and writes `log`."""
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    """Who runs it, if not we."""
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it; it may take a while until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                # Nothing of the developer's own AWS or rclone settings, and no file elsewhere.
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.folder),
                    "TMPDIR": str(self.folder),
                    **self.env,
                },
                start_new_session=True,
                user=self.user,
            )

    def end(self, how: signal.Signals) -> None:
        """End it and all that it has started; nothing if it has ended."""
        if self.process is None:
            return
        self._signal(how)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_PATIENCE)
        self._signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def _signal(self, how: signal.Signals) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)

    def complaint(self) -> str | None:
        """Return why it has ended by itself; None if it runs."""
        if self.process is not None and self.process.poll() is None:
            return None
        return (self.folder / "log").read_text(errors="replace")[-4000:]
