"""Races: several processes do something at the same moment."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from threading import Barrier

from onecopy.errors import PartSuperseded, Unavailable, UploadUnknown
from onecopy.gate import Answer, Finish, LocalGate, Request
from onecopy.retry import RetryPolicy, retry
from tests.gate.world import World, content_digest, parts_of
from tests.reliability.victim import send
from tests.reliability.worker import Tell, Told

_PATIENCE = 60
"""Seconds; a longer wait means that another racer has failed."""
_RETRY = RetryPolicy(attempts=50, first_delay=0.001, max_delay=0.1)


def sums_of(data: bytes) -> list[bytes]:
    """Return the SHA-256 of the parts of a content."""
    return [hashlib.sha256(part).digest() for part in parts_of(data)]


class Round:
    """One race, as seen by one of the racers."""

    def __init__(self, world: World, barrier: Barrier, number: int, me: int, size: int = 0) -> None:
        self.world = world
        self.gate = world.gate()
        self.number = number
        self.me = me
        self._size = size
        self._barrier = barrier

    def ready(self) -> None:
        """Wait for all racers."""
        self._barrier.wait(_PATIENCE)

    @property
    def data(self) -> bytes:
        """Content that all racers upload in this round."""
        return data_of(self.number, size=self._size)

    @property
    def own(self) -> bytes:
        """Content of this racer, in races where each has its own."""
        return data_of(self.number, self.me, self._size)

    def share(self, text: Callable[[], str]) -> str:
        """Return a value made by the first racer to all racers."""
        path = self.world.root / f"shared {self.number}"
        if self.me == 0:
            path.write_text(text())
        self.ready()
        return path.read_text()


def data_of(number: int, me: int = 0, size: int = 0) -> bytes:
    """Return the content of a round; with `me`, that racer's own content of the same size."""
    return f"round {number:9} racer {me:3}".encode().ljust(size, b".")


def one_content(race: Round) -> Answer:
    """Upload one content, each under its own key."""
    race.ready()
    return race.world.upload(f"{race.number}/{race.me}", race.data, gate=race.gate)


def one_content_one_key(race: Round) -> Answer:
    """Upload one content under one key."""
    race.ready()
    return race.world.upload(f"{race.number}/one", race.data, gate=race.gate)


def one_key(race: Round) -> Answer:
    """Upload different contents under one key."""
    race.ready()
    return race.world.upload(f"{race.number}/one", race.own, gate=race.gate)


def one_ticket(race: Round) -> Answer:
    """All complete one upload."""
    ticket = race.share(lambda: _sent(race))
    race.ready()
    return _complete(race.gate, ticket, tuple(sums_of(race.data)))


def one_idempotency_key(race: Round) -> Answer:
    """All begin, send and complete one upload, like clients that lost the answers."""
    race.ready()
    request = Request(f"{race.number}/one", len(race.data), content_digest(race.data))
    [begun] = race.gate.begin([request], idempotency_key=f"{race.number}")
    if begun.ticket is None:
        return begun
    ticket = begun.ticket
    return retry(lambda: _send_and_complete(race, ticket), _RETRY)


def _send_and_complete(race: Round, ticket: str) -> Answer:
    """Send and complete; raises Unavailable, like Client, if another racer interferes."""
    try:
        finish = send(race.gate, ticket, race.data)
    except UploadUnknown:  # another has completed it
        finish = Finish(ticket)
    except PartSuperseded as error:
        raise Unavailable(str(error)) from error
    [answer] = race.gate.complete([finish])
    if answer.reason == "parts-missing":
        raise Unavailable("another sends, or has begun it anew")
    return answer


def one_gives_up(race: Round) -> Answer:
    """Complete one upload, while the first racer aborts it."""
    ticket = race.share(lambda: _sent(race))
    race.ready()
    if race.me == 0:
        race.gate.abort([ticket])
    return _complete(race.gate, ticket)


def _sent(race: Round) -> str:
    begun = race.world.begin(f"{race.number}/one", race.data, gate=race.gate)
    assert begun.ticket is not None
    return race.world.send(begun.ticket, race.data, race.gate).ticket


def _complete(gate: LocalGate, ticket: str, digests: tuple[bytes, ...] = ()) -> Answer:
    [answer] = gate.complete([Finish(ticket, digests)])
    return answer


KINDS = (
    one_content,
    one_content_one_key,
    one_key,
    one_ticket,
    one_idempotency_key,
    one_gives_up,
)


def race(tell: Tell, root: Path, barrier: Barrier, rounds: int, me: int) -> None:
    """Run all rounds with the kinds of race in turn, and print each answer."""
    world = World.at(root)
    for number in range(rounds):
        kind = KINDS[number % len(KINDS)]
        answer = kind(Round(world, barrier, number, me))
        if answer.copy is not None:
            data = data_of(number, me if kind is one_key else 0)
            assert world.path(answer.copy.key).read_bytes() == data
        tell(Told("done", number, answer=answer))
    world.close()
