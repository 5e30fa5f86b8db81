"""Mutation testing of the modules that keep the promise: `make mutation`.

mutmut changes one expression of gate/, store/, tickets.py or http/auth.py at a time and runs the
tests that reach it (`[tool.mutmut]` in pyproject.toml). A change that no test sees is a survivor.
Survivors that cannot be seen, or that are not worth a test, are listed with the reason in
survivors.toml; any other ends this program with exit code 1. An interrupted run resumes; delete
`mutants/` to start anew.

    make mutation
    python -m tests.mutation "onecopy.gate.confirm*"
"""

import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.standins import ministack

_MUTMUT = [sys.executable, "-m", "mutmut"]
_ARGUED = Path(__file__).with_name("survivors.toml")


def main(names: list[str]) -> int:
    """Run mutmut, for mutants of these names or all; print what survived without a reason."""
    with ministack() as server:
        given = {**os.environ, "ONECOPY_TEST_MINISTACK": server.endpoint}
        subprocess.run([*_MUTMUT, "run", *names], env=given, check=True)
    states = dict(_states())
    argued = {change for entry in _argued() for change in entry["changes"]}
    left = [name for name, state in states.items() if state in {"survived", "no tests"}]
    unexplained = {name: change for name in left if (change := _change(name)) not in argued}
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


def _argued() -> list[dict[str, list[str]]]:
    entries: list[dict[str, list[str]]] = tomllib.loads(_ARGUED.read_text())["survivors"]
    return entries


def _output(*arguments: str) -> str:
    return subprocess.run([*_MUTMUT, *arguments], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
