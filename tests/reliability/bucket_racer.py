"""Two clients that do the same thing at the same moment in one bucket."""

from collections.abc import Callable
from threading import Barrier
from typing import NamedTuple

from onecopy.digest import MiB
from onecopy.gate import Answer
from tests.gate.bucket import BucketWorld
from tests.reliability.racer import (
    Round,
    data_of,
    one_content,
    one_content_one_key,
    one_key,
    one_ticket,
)
from tests.reliability.worker import Tell, Told

_KINDS = (one_content, one_content_one_key, one_key, one_ticket)
_LARGE = 8 * MiB
"""Bytes of one part."""


class Kind(NamedTuple):
    """Kind of a race, and its number of bytes (0: a few)."""

    run: Callable[[Round], Answer]
    size: int

    def data(self, number: int, me: int = 0) -> bytes:
        """Return the content that a racer uploads."""
        return data_of(number, me if self.run is one_key else 0, self.size)

    def __str__(self) -> str:
        return f"{self.run.__name__}{', large' if self.size else ''}"


def kind_of(number: int, large_every: int) -> Kind:
    """Return the kind of a race: all kinds in turn, some of them with a multipart upload."""
    run = _KINDS[number % len(_KINDS)]
    return Kind(run, _LARGE if number % large_every == 0 else 0)


def may_be_overwritten(world: BucketWorld, kind: Kind) -> bool:
    """Whether the server may let the second write overwrite the first."""
    return world.takes_both and kind.size > 0 and kind.run in (one_content_one_key, one_key)


def race(  # noqa: PLR0917 - what a process is given can only be told in order
    tell: Tell,
    opened: Callable[[], BucketWorld],
    barrier: Barrier,
    rounds: int,
    large_every: int,
    me: int,
) -> None:
    """Run all rounds, and print each answer."""
    world = opened()
    for number in range(rounds):
        kind = kind_of(number, large_every)
        answer = kind.run(Round(world, barrier, number, me, kind.size))
        if answer.copy is not None and not may_be_overwritten(world, kind):
            assert world.read(answer.copy.key) == kind.data(number, me)
        tell(Told("done", number, answer=answer))
    world.close()
