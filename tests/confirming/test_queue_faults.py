"""Messages at random, functions that are killed, and changes: what is recorded is true (P1, P2)."""

import random
from contextlib import suppress

import pytest

from onecopy.confirming import jobs, records
from onecopy.confirming.queued import Range
from onecopy.content import Copy
from tests.confirming.conftest import Place, large
from tests.gate.world import content_digest

_CONTENTS = tuple(large(4, seed) for seed in range(3))
_DIGESTS = {data: content_digest(data) for data in _CONTENTS}


class _Killed(BaseException):
    """What happens to a process that is killed."""


class _World:
    """A place where anything may happen, until it is calm."""

    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self.chance = random.Random(seed)
        self.time = 10**13
        self.messages: list[Range] = []
        """All that were ever sent: each may be delivered again."""
        self.contents: dict[str, bytes] = {}
        """By the identity of every object that was ever there."""
        self.is_calm = False
        self._put_if = place.index.put_if
        self.change()

    def now(self) -> int:
        """Return the time in milliseconds."""
        return self.time

    def happens(self, probability: float) -> bool:
        """Return whether something happens."""
        return not self.is_calm and self.chance.random() < probability

    def change(self) -> None:
        """Replace the object."""
        data = self.chance.choice(_CONTENTS)
        self.contents[self.place.put("a", data).identity] = data

    def before_reading(self, _: int) -> None:
        """Replace the object now and then, while it is read."""
        if self.happens(0.03):
            self.change()

    def put_if(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        """Write, or be killed before or after it."""
        if self.happens(0.1):
            raise _Killed
        done = self._put_if(name, old, new)
        if self.happens(0.05):
            raise _Killed
        return done

    def copy(self) -> Copy:
        """Return the copy as it is recorded; fail if its digest is not that of its object."""
        [copy] = self.place.index.at("default", ["a"])
        assert copy is not None
        assert copy.content_digest in (None, _DIGESTS[self.contents[copy.identity]])
        return copy

    def ask(self) -> None:
        """Ask for the copy, as a check does."""
        if self.copy().content_digest is None:
            self.place.ask(self.place.asker(), self.copy())
        self.messages += self.place.queue.sent

    def act(self) -> None:
        """Ask, or deliver one of the messages, or change the object."""
        if self.messages and self.chance.random() < 0.8:
            self.place.deliver(self.chance.choice(self.messages))
        elif self.chance.random() < 0.9:
            self.ask()
        else:
            self.change()


@pytest.mark.parametrize("seed", range(20))
def test_what_is_recorded_is_true(place: Place, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Whatever happens, nothing false is proved; once it is calm, the object is proved."""
    monkeypatch.setattr(records, "PARTS_PER_RANGE", 1)
    monkeypatch.setattr(jobs, "_MAX_DELAY", 0.001)
    world = _World(place, seed)
    for module in (records, jobs):
        monkeypatch.setattr(module, "now", world.now)
    monkeypatch.setattr(place.index, "put_if", world.put_if)
    place.store.before = world.before_reading
    for _ in range(60):
        with suppress(_Killed):
            world.act()
        world.time += world.chance.choice([10, 1000, 61_000, 1_000_000])
        world.copy()
    world.is_calm = True
    for _ in range(3):  # the first may only find that the object has changed
        world.time += 4_000_000
        place.queue.take()
        world.ask()
        if place.queue.sent:
            place.deliver()
    assert world.copy().content_digest is not None
    assert world.copy().identity in world.contents
