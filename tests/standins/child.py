"""A server process and its children: one process group, stopped as a whole."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).parents[2] / ".make" / "standins" / "bin"
"""Environment for other servers and clients, because they pin versions of our dependencies."""
_PATIENCE = 10
"""Seconds for a process to exit."""


def program(name: str) -> str:
    """Return the path of a program of that environment; fail with how to install it."""
    path = PROGRAMS / name
    if not path.exists():
        raise FileNotFoundError(f"there is no {name}: run `make .make/standins/installed`")
    return str(path)


@dataclass(eq=False)
class Child:
    """A command that can be restarted in the same folder."""

    command: Sequence[str]
    folder: Path
    """Working folder, with the file `log`."""
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    """User that runs it, if not the current one."""
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start the process; it may need some time until it answers."""
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
        """Stop the process group; do nothing if it has exited."""
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
        """Return why the process has exited; None if it is running."""
        if self.process is not None and self.process.poll() is None:
            return None
        return (self.folder / "log").read_text(errors="replace")[-4000:]
