"""Mutation testing of the modules that keep the promise: `make mutation`.

mutmut changes one expression of gate/, store/, tickets.py or http/auth.py at a time and runs the
tests that reach it (`[tool.mutmut]` in pyproject.toml). A change that no test sees is a survivor.
Survivors that cannot be seen, or that are not worth a test, are listed with the reason in
survivors.toml, as changes or as patterns that match whole changes; any other ends this program
with exit code 1. A change that ran out of time is listed, too: run it again on an idle machine. An
interrupted run resumes; delete `mutants/` to start anew.

    make mutation
    python -m tests.mutation "onecopy.gate.confirm*"
"""

import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.standins import ministack

_MUTMUT = [sys.executable, "-m", "mutmut"]
_ARGUED = Path(__file__).with_name("survivors.toml")
_UNSEEN = {"survived", "no tests", "timeout", "suspicious"}
"""What mutmut calls a change that no test has failed for. A time-out may be due to load."""


def main(names: list[str]) -> int:
    """Run mutmut, for mutants of these names or all; print what survived without a reason."""
    with ministack() as server:
        given = {**os.environ, "ONECOPY_TEST_MINISTACK": server.endpoint}
        subprocess.run([*_MUTMUT, "run", *names], env=given, check=True)
    states = dict(_states())
    left = [name for name, state in states.items() if state in _UNSEEN]
    unexplained = {name: change for name in left if not is_argued(change := _change(name))}
    for name, change in unexplained.items():
        print(f"{name}: {states[name]}\n    {change}")
    counts = ", ".join(f"{count} {state}" for state, count in Counter(states.values()).items())
    print(f"{counts}; {len(unexplained)} without a reason in {_ARGUED.name}")
    return 1 if unexplained else 0


def _states() -> Iterator[tuple[str, str]]:
    """Yield each mutant that was tried with what became of it."""
    for line in _output("results", "--all", "true").splitlines():
        name, found, state = line.strip().partition(": ")
        if found and state != "not checked":
            yield name, state


def _change(name: str) -> str:
    """Return the lines that a mutant removes and adds, as one line."""
    diff = _output("show", name).splitlines()
    changed = [line for line in diff if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    return " ".join(f"{line[0]} {line[1:].strip()}" for line in changed)


def is_argued(change: str) -> bool:
    """Return whether survivors.toml has a reason for a change."""
    return any(
        change in entry.get("changes", ())
        or any(re.fullmatch(pattern, change) for pattern in entry.get("patterns", ()))
        for entry in _argued()
    )


@cache
def _argued() -> list[dict[str, list[str]]]:
    entries: list[dict[str, list[str]]] = tomllib.loads(_ARGUED.read_text())["survivors"]
    return entries


def _output(*arguments: str) -> str:
    return subprocess.run([*_MUTMUT, *arguments], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
