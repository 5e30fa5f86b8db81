"""Start-up time of `onecopy check`, compared with `python -c pass`.

    python benchmarks/startup.py [--rounds N]

Checks one small file against a local index. Both commands take turns, and the fastest run of each
counts, because slower ones include waiting. Target: at most 0.25 s above the bare interpreter.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGET = 0.25
"""Seconds."""


def seconds(command: list[str], folder: Path, output: bytes) -> float:
    """Return the duration of a command, which must print `output`."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    if done.stdout != output:
        raise RuntimeError(done.stderr.decode())
    return time.perf_counter() - began


def main() -> None:
    """Print both times, and whether the target is met."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--rounds", type=int, default=30)
    rounds = arguments.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a").write_bytes(b"hello")
        check = [sys.executable, "-m", "onecopy", "check", "a"]
        bare = [sys.executable, "-c", "pass"]
        seconds(check, folder, b"a: new\n")  # creates index and store, and compiles modules
        pairs = [
            (seconds(check, folder, b"a: new\n"), seconds(bare, folder, b"")) for _ in range(rounds)
        ]
    checks, bares = (min(times) for times in zip(*pairs, strict=True))
    above = checks - bares
    print(f"onecopy check {checks:.3f} s, python -c pass {bares:.3f} s")
    print(f"above: {above:.3f} s (at most {TARGET}: {above <= TARGET})")


if __name__ == "__main__":
    main()
