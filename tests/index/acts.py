"""What tests let other processes do with an index: `acts.py ACT FILE NAME`."""

import sys
from itertools import count

from onecopy.index.sqlite import SqliteIndex
from onecopy.testing.index import a_copy, proved

BULK = 2000
"""Copies in one call of `add`."""


def say(what: object) -> None:
    """Tell the test."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def race(index: SqliteIndex, name: str) -> None:
    """Record the same contents as others do, and say whose copy won each."""
    say("ready")
    sys.stdin.readline()
    for number in range(200):
        copy = a_copy(f"{number} of {name}", proved(f"content {number}"))
        say(index.record("t", [copy])[0].key)


def record(index: SqliteIndex, name: str) -> None:
    """Record, and say what was acknowledged, for ever."""
    for number in count():
        content = f"{name} {number}"
        index.record("t", [a_copy(content, proved(content))])
        index.increase("count", 1)
        say(number)


def add(index: SqliteIndex, name: str) -> None:
    """Add in bulk, every other time over what is there, and say what was acknowledged."""
    for number in count():
        first = (number // 2) * BULK
        names = [f"{name} {first + each:07d}" for each in range(BULK)]
        index.add(("t", a_copy(each, proved(each), identity=f"v{number % 2}")) for each in names)
        say(number)


def increase(index: SqliteIndex, name: str) -> None:
    """Count to a hundred."""
    for _ in range(100):
        index.increase(name, 1)


ACTS = {act.__name__: act for act in (race, record, add, increase)}


def main() -> None:
    act, file, name = sys.argv[1:]
    index = SqliteIndex(file)
    ACTS[act](index, name)
    index.close()


if __name__ == "__main__":
    main()
