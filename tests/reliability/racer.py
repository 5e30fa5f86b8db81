"""What processes do at once: all go through one gate door in the same moment."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from threading import Barrier

from onecopy.errors import Unavailable, UploadUnknown
from onecopy.gate import Answer, Finish, LocalGate, Request
from onecopy.retry import RetryPolicy, retry
from tests.gate.world import World, content_digest, parts_of
from tests.reliability.victim import send
from tests.reliability.worker import Tell, Told

_PATIENCE = 60
"""Seconds; who waits longer waits for somebody who failed."""
_RETRY = RetryPolicy(tries=50, first=0.001, longest=0.1)


def sums_of(data: bytes) -> list[bytes]:
    """Return the SHA-256 of the parts of a content."""
    return [hashlib.sha256(part).digest() for part in parts_of(data)]


class Round:
    """One race, seen by one of the racers."""

    def __init__(self, world: World, barrier: Barrier, number: int, me: int, size: int = 0) -> None:
        self.world = world
        self.gate = world.gate()
        self.number = number
        self.me = me
        self._size = size
        self._barrier = barrier

    def ready(self) -> None:
        """Wait until all are."""
        self._barrier.wait(_PATIENCE)

    @property
    def data(self) -> bytes:
        """What all of them upload in this round."""
        return data_of(self.number, size=self._size)

    @property
    def own(self) -> bytes:
        """What this racer uploads where each has a content of its own."""
        return data_of(self.number, self.me, self._size)

    def share(self, text: Callable[[], str]) -> str:
        """Return what the first racer makes, to all of them."""
        path = self.world.root / f"shared {self.number}"
        if self.me == 0:
            path.write_text(text())
        self.ready()
        return path.read_text()


def data_of(number: int, me: int = 0, size: int = 0) -> bytes:
    """Return the content of a round; with `me`, one of that racer's own and of the same size."""
    return f"round {number:9} racer {me:3}".encode().ljust(size, b".")


def one_content(race: Round) -> Answer:
    """Upload one content, each under a key of its own."""
    race.ready()
    return race.world.upload(f"{race.number}/{race.me}", race.data, gate=race.gate)


def one_content_one_key(race: Round) -> Answer:
    """Upload one content under one key."""
    race.ready()
    return race.world.upload(f"{race.number}/one", race.data, gate=race.gate)


def one_key(race: Round) -> Answer:
    """Upload contents of each racer's own under one key."""
    race.ready()
    return race.world.upload(f"{race.number}/one", race.own, gate=race.gate)


def one_ticket(race: Round) -> Answer:
    """Complete one upload, all of them."""
    ticket = race.share(lambda: _sent(race))
    race.ready()
    return _complete(race.gate, ticket, tuple(sums_of(race.data)))


def one_idempotency_key(race: Round) -> Answer:
    """Begin, send and complete one upload, all of them, as clients do that lost answers."""
    race.ready()
    request = Request(f"{race.number}/one", len(race.data), content_digest(race.data))
    [begun] = race.gate.begin([request], idempotency_key=f"{race.number}")
    if begun.ticket is None:
        return begun
    ticket = begun.ticket
    return retry(lambda: _send_and_complete(race, ticket), _RETRY)


def _send_and_complete(race: Round, ticket: str) -> Answer:
    """Send and complete; raises Unavailable, as Client does, where another was in the way."""
    try:
        finish = send(race.gate, ticket, race.data)
    except UploadUnknown:  # another has completed it
        finish = Finish(ticket)
    [answer] = race.gate.complete([finish])
    if answer.reason == "parts-missing":
        raise Unavailable("another sends, or has begun it anew")
    return answer


def one_gives_up(race: Round) -> Answer:
    """Complete one upload, while the first racer gives it up."""
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
    """Run all rounds, the kinds of race in turn, and tell of each answer."""
    world = World.at(root)
    for number in range(rounds):
        kind = KINDS[number % len(KINDS)]
        answer = kind(Round(world, barrier, number, me))
        if answer.copy is not None:
            data = data_of(number, me if kind is one_key else 0)
            assert world.path(answer.copy.key).read_bytes() == data
        tell(Told("done", number, answer=answer))
    world.close()
