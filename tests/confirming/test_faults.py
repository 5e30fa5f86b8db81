"""Random faults and changes at every step: what is recorded as proved is always true (P1, P2)."""

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from onecopy.confirming import Limits, Reading, ThreadReaders, is_ranged
from onecopy.content import Copy
from onecopy.errors import Failure, Forbidden, Unavailable
from onecopy.index.memory import MemoryIndex
from onecopy.store.interface import Object
from onecopy.store.memory import MemoryStore
from onecopy.store.objects import copy_of
from onecopy.tenant import Tenant
from onecopy.testing.faults import Faults, Rule, act_after, act_before, fail_after, fail_before
from tests.confirming.conftest import large, until
from tests.gate.world import content_digest

_CONTENTS = tuple(large(3, seed) for seed in range(3))
_DIGESTS = {data: content_digest(data) for data in _CONTENTS}
_STEPS = (
    "store.look",
    "store.read_range",
    *(f"index.{name}" for name in ("get", "put_if", "record", "forget")),
)


class _World:
    """A store that others change, and processes that read, each with faults of its own."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.store, self.index = MemoryStore(), MemoryIndex()
        self.contents: dict[str, bytes] = {}
        """By the identity of every object that was ever there."""
        self.change()
        self.index.add([("default", self.copy())])

    def change(self) -> None:
        """Replace the object, as others may do at any time; now and then remove it."""
        if self.contents and self.chance.random() < 0.1:
            self.store.remove("a")
            return
        data = self.chance.choice(_CONTENTS)
        self.contents[self.store.place("a", data).identity] = data

    def copy(self) -> Copy:
        """Return the object as it would be recorded without being read."""
        [seen] = self.store.look(["a"])
        if not isinstance(seen, Object):
            self.contents[self.store.place("a", _CONTENTS[0]).identity] = _CONTENTS[0]
            return self.copy()
        return copy_of(seen, "a")

    def check(self) -> None:
        """Fail if a recorded digest is not that of the object that was recorded."""
        for _, copy in self.index.copies("default"):
            digest = copy.digests.content_digest(copy.size)
            assert digest in (None, _DIGESTS[self.contents[copy.identity]])

    def ask(self, rules: int) -> None:
        """Have the object read by a process that meets some faults, and end it at some time."""
        faults = Faults()
        for _ in range(rules):
            step = self.chance.choice(_STEPS)
            faults.at(step, self._rule(), skip=self.chance.randrange(4))
        store, index = faults.wrap(self.store, "store"), faults.wrap(self.index, "index")
        assert is_ranged(store)
        readers = ThreadReaders(index, store, Limits(), threads=self.chance.choice([1, 2]))
        recorded = self.index.at("default", ["a"])[0] or self.copy()

        def record(copies: Any) -> None:  # noqa: ANN401 - as the index does
            index.record("default", copies)
            self.check()

        with suppress(Failure):
            readers.ask(Reading(Tenant(), recorded, record))
        until(lambda: not readers._queue._known or (rules and self.chance.random() < 0.02))
        readers.close()

    def _rule(self) -> Rule:
        error = self.chance.choice([Unavailable("away"), Forbidden("no")])
        rules: list[Callable[[], Rule]] = [
            lambda: fail_before(error),
            lambda: fail_after(error),
            lambda: act_before(self.change),
            lambda: act_after(self.change),
        ]
        return self.chance.choice(rules)()


@pytest.mark.parametrize("seed", range(30))
def test_what_is_recorded_is_true(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After faults and changes at random, the object that is there in the end is proved rightly."""
    monkeypatch.setattr("onecopy.confirming.records.PARTS_PER_RANGE", 1)
    monkeypatch.setattr("onecopy.confirming.reader.PARTS_PER_RANGE", 1)
    world, later = _World(seed), iter(range(10**14, 10**15, 10**10))
    monkeypatch.setattr("onecopy.confirming.records.now", lambda: next(later))
    for _ in range(4):
        world.ask(rules=2)
        world.check()
    copy = world.copy()
    world.index.add([("default", copy)])
    for _ in range(3):  # the first may only find that the object changed again
        world.ask(rules=0)
    world.check()
    [recorded] = world.index.at("default", ["a"])
    assert recorded is not None
    assert recorded.digests.content_digest(recorded.size) == _DIGESTS[world.contents[copy.identity]]
