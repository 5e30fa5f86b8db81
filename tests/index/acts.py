"""Acts of other processes on an index: `acts.py ACT URL NAME [RACES]`."""

import sys
from collections.abc import Callable, Iterator
from itertools import count

from onecopy.content import Copy
from onecopy.index import Engine, open_index
from onecopy.index.listings import Listings
from onecopy.listing import ListedCopy, Span
from onecopy.testing.index.values import a_copy, proved

RACES = 200
"""Contents that all racing processes record."""
BULK = 2000
"""Copies in one call of `add`."""
LISTED = 50_000
"""Copies in one call of `merge`: several transactions."""


def say(what: object) -> None:
    """Print a line for the test."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def race(index: Engine, name: str, races: str = str(RACES)) -> None:
    """Record the same contents as the other processes; print whose copy won."""
    say("ready")
    sys.stdin.readline()
    for number in range(int(races)):
        copy = a_copy(f"{number} of {name}", proved(f"content {number}"))
        say(index.record("t", [copy])[0].key)


def record(index: Engine, name: str) -> None:
    """Record copies forever; print what was acknowledged."""
    for number in count():
        content = f"{name} {number}"
        index.record("t", [a_copy(content, proved(content))])
        index.increase("count", 1)
        say(number)


def add(index: Engine, name: str) -> None:
    """Add copies in bulk, every other time over existing ones; print what was acknowledged."""
    for number in count():
        first = (number // 2) * BULK
        names = [f"{name} {first + each:07d}" for each in range(BULK)]
        index.add(("t", a_copy(each, proved(each), identity=f"v{number % 2}")) for each in names)
        say(number)


def increase(index: Engine, name: str) -> None:
    """Count to a hundred."""
    for _ in range(100):
        index.increase(name, 1)


def bulk(index: Engine, name: str) -> None:
    """Add copies in one endless call; print how many were consumed."""

    def given() -> Iterator[tuple[str, Copy]]:
        for number in count():
            if number % 1000 == 0:
                say(number)
            yield "t", a_copy(f"{name} {number:07d}", proved(f"{name} {number:07d}"))

    index.add(given())


def merge(index: Engine, name: str) -> None:
    """Merge listings of the same keys forever, each of other sizes; print what was acknowledged."""
    assert isinstance(index, Listings)
    for number in count():
        sizes = (1 + each * number % 1000 for each in range(LISTED))
        keys = (f"{name} {each:07d}" for each in range(LISTED))
        copies = (
            ListedCopy(key, size, bytes(16), 0, False, number)
            for key, size in zip(keys, sizes, strict=True)
        )
        index.merge("t", Span(f"{name} ", f"{name}!"), copies)
        say(number)


ACTS: dict[str, Callable[..., None]] = {
    act.__name__: act for act in (race, record, add, increase, bulk, merge)
}


def main() -> None:
    act, url, *how = sys.argv[1:]
    index = open_index(url)
    ACTS[act](index, *how)
    index.close()


if __name__ == "__main__":
    main()
