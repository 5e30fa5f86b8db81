"""Mutation testing of the modules that keep the promise: `make mutation`.

mutmut generates changed code in `mutants/`: gate/, store/, tickets.py and http/auth.py with one
expression changed at a time (`[tool.mutmut]` in pyproject.toml). For each change, tests/trials.py
runs the tests that reach the changed function, until one fails: it has noticed the change. Changes
that cannot be seen, or that are not worth a test, are listed with the reason in survivors.toml, and
are not tried. Any other that no test notices is open: it is printed, and the exit code is 1.

A change that was noticed is not tried again until its function changes; delete `mutants/` to start
anew. To try only some changes, give patterns of their names; what follows `--` goes to pytest.
Tests without servers are quick and notice most changes, so that the others have fewer to try:

    make mutation
    python -m tests.mutation "onecopy.gate.*" -- -m "not soak and not server"
    python -m tests.mutation "onecopy.gate.*"
"""

import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.standins import ministack

_ARGUED = Path(__file__).with_name("survivors.toml")
_CODE = [str(Path("mutants", part).absolute()) for part in ("src", "")]
_STATES = {None: "not tried", 0: "survived", 1: "noticed", 33: "no tests", 36: "out of time"}
"""What mutmut's exit codes mean; any other is a crash."""

Entry = dict[str, Any]
"""A reason in survivors.toml, and the changes that it is for."""


def main(arguments: list[str]) -> int:
    """Try the changes whose names match a pattern; print those that are open, and a table."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    patterns, options = arguments[:at], arguments[at + 1 :]
    generate()
    modules = [Module(path) for path in _sources()]
    chosen = {
        name: module
        for pattern in patterns or ["*"]
        for module in modules
        for name in module.names()
        if fnmatch(name, pattern)
    }
    left = [name for name, module in chosen.items() if not module.is_settled(name)]
    for name, code in _tried(left, options):
        chosen[name].note(name, code)
        if code != 1:
            print(chosen[name].described(name), flush=True)
    return _report(chosen)


def generate() -> None:
    """Write `mutants/`: the code with all changes, and the tests."""
    from mutmut import __main__ as mutmut

    Path("mutants").mkdir(exist_ok=True)
    mutmut.copy_src_dir()
    mutmut.copy_also_copy_files()
    mutmut.create_mutants(os.cpu_count() or 1)


def _sources() -> list[Path]:
    from mutmut.utils.file_utils import walk_mutatable_files

    return sorted(walk_mutatable_files())


class Module:
    """The changes to one module, and what has become of them, as mutmut stores it."""

    def __init__(self, path: Path) -> None:
        from mutmut.mutation.data import SourceFileMutationData

        self._path = path
        self._data = SourceFileMutationData(path=path)
        self._data.load()

    def names(self) -> list[str]:
        return list(self._data.exit_code_by_key)

    def note(self, name: str, code: int) -> None:
        """Store the result of a trial."""
        self._data.exit_code_by_key[name] = code
        self._data.save()

    def state(self, name: str) -> str:
        """Return what has become of a change."""
        if is_argued(where(name), self.change(name)):
            return "with a reason"
        return _STATES.get(self._data.exit_code_by_key[name], "crashed")

    def is_settled(self, name: str) -> bool:
        """Return whether a change need not be tried."""
        return self.state(name) in {"noticed", "with a reason"}

    def described(self, name: str) -> str:
        """Return a line about a change."""
        return f"{name}: {self.state(name)}: {where(name)}: {self.change(name)}"

    def change(self, name: str) -> str:
        """Return the lines that a change removes and adds, as one line."""
        from mutmut.mutation.diff_apply import get_diff_for_mutant

        diff = get_diff_for_mutant(name, path=self._path).splitlines()
        changed = [line for line in diff if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
        return " ".join(f"{line[0]} {line[1:].strip()}" for line in changed)


def where(name: str) -> str:
    """Return the module and the function of a change, such as `onecopy.gate.local.LocalGate.check`.

    mutmut names it `onecopy.gate.local.xǁLocalGateǁcheck__mutmut_1`.
    """
    module, _, function = name.partition("__mutmut_")[0].rpartition(".")
    return f"{module}.{function[2:].replace('ǁ', '.')}"


def is_argued(function: str, change: str, entries: list[Entry] | None = None) -> bool:
    """Return whether survivors.toml, or one of `entries`, has a reason for a change."""
    return any(
        fnmatch(function, entry.get("where", "*"))
        and (
            change in entry.get("changes", ())
            or any(re.fullmatch(pattern, change) for pattern in entry.get("patterns", ()))
        )
        for entry in entries or argued()
    )


@cache
def argued() -> list[Entry]:
    """Return the reasons in survivors.toml."""
    entries: list[Entry] = tomllib.loads(_ARGUED.read_text())["survivors"]
    return entries


def _tried(names: list[str], options: list[str]) -> Iterator[tuple[str, int]]:
    """Yield each change with its exit code, as soon as it has been tried."""
    with ministack() as server, TemporaryDirectory(prefix="mutation-") as folder:
        Path(folder).chmod(0o755)  # some tests look at their files as another user
        given = Path(folder, "names")
        given.write_text("\n".join(names))
        environment = {
            **os.environ,
            "ONECOPY_TEST_MINISTACK": server.endpoint,
            "ONECOPY_TRIALS": str(given),
            "PYTHONPATH": os.pathsep.join([*_CODE, os.environ.get("PYTHONPATH", "")]),
            "TMPDIR": folder,
        }
        given_temp = ("--basetemp", f"{folder}/tests")
        command = [sys.executable, "-m", "pytest", *_arguments(), *given_temp, *options]
        with subprocess.Popen(
            command, cwd="mutants", env=environment, stdout=subprocess.PIPE, text=True
        ) as trials:
            assert trials.stdout is not None
            for line in trials.stdout:
                name, _, code = line.strip().rpartition(" ")
                if name in names:
                    yield name, int(code)
                elif line.strip():
                    print(line.strip(), file=sys.stderr, flush=True)
    if trials.returncode:
        sys.exit("the trials ended early: see above; run again to resume")


def _arguments() -> list[str]:
    settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]
    return [
        *("-q", "-s", "-p", "tests.trials"),
        "--tb=line",  # a longer traceback parses all of the changed module, for each trial
        *settings["pytest_add_cli_args"],
        *settings["pytest_add_cli_args_test_selection"],
    ]


def _report(chosen: dict[str, Module]) -> int:
    """Print how many changes to each module are in which state; return 1 if one is open."""
    counts: dict[str, Counter[str]] = {}
    for name, module in chosen.items():
        counts.setdefault(where(name).rpartition(".")[0], Counter())[module.state(name)] += 1
    for title, states in sorted(counts.items()):
        print(f"{title}: {', '.join(f'{count} {state}' for state, count in states.items())}")
    total = sum(counts.values(), Counter[str]())
    opened = total.total() - total["noticed"] - total["with a reason"]
    print(f"{total.total()} changes, {opened} open")
    return 1 if opened else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
