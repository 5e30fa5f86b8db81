"""Copies of which only the size is known, in a bucket: no reason for doubt, but counted."""

from typing import cast

import pytest

from onecopy.confirming import CONFIRMING, Readers
from onecopy.content import Digests, Verdict
from onecopy.gate import Answer, Limits
from onecopy.gate.budget import Budget
from onecopy.gate.candidates import Candidates
from onecopy.gate.settling import Settling
from onecopy.tenant import Tenant
from tests.gate.direct import DirectWorld
from tests.gate.test_taken_key import Asked
from tests.gate.world import content


def test_they_are_not_read_in_the_background() -> None:
    """Reading a bucket costs money, and nothing speaks for the copy."""
    world, readers = DirectWorld.new(), Asked()
    world.record("a", b"other", Digests())
    gate = world.gate(limits=Limits(read_bytes=0), readers=cast("Readers", readers))
    assert world.check(b"bytes", gate=gate) == Answer(Verdict.NEW, unexamined=1)
    assert readers.asked == []


def test_time_is_over_at_one_in_the_trash() -> None:
    """One outside may not have been reached, and counts as one."""
    world = DirectWorld.new()
    world.record("#recycle/a", b"other", Digests())
    hasty = world.gate(limits=Limits(read_seconds=-1))
    assert world.check(b"bytes", gate=hasty) == Answer(Verdict.NEW, unexamined=1)


@pytest.mark.parametrize(("readers", "reason"), [(None, "read-limit"), (Asked(), CONFIRMING)])
def test_time_is_over_before_the_first(readers: Readers | None, reason: str) -> None:
    """P3: whether there is any candidate is not known then, so this is a doubt."""
    world = DirectWorld.new()
    candidates = Candidates(world.index, Tenant().name)
    settling = Settling(world.gate(readers=readers)._confirmer, candidates)
    answer = settling.settle(content(b"bytes"), Budget(0, -1), {})
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, reason)


def test_no_more_than_the_limit_are_looked_at() -> None:
    """Up to 64 for one content; the answer counts those, and is certain of nothing else."""
    world = DirectWorld.new()
    for number in range(66):
        world.record(f"{number}", b"other", Digests())
    gate = world.gate(limits=Limits(read_bytes=0))
    assert world.check(b"bytes", gate=gate) == Answer(Verdict.NEW, unexamined=64)
    assert len(world.bucket.looked) == 66 + 64
