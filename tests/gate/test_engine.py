"""A gate over an engine that has only what the contract requires, such as one of a third party."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from onecopy.content import Content, Copy, Digests, Listed, Verdict
from onecopy.digest import Digest
from onecopy.gate import LocalGate, Request, bind, ticket_secrets
from onecopy.index import Engine
from onecopy.index.interface import Lists, Unread
from tests.gate.world import World, content, content_digest, weak_only

_REQUIRED = ("add", "at", "close", "copies", "forget", "get", "increase", "lookup", "put_if")


def gate_over_required(world: World) -> LocalGate:
    """Return a gate over the world's store and index, without the index's optional methods."""
    names = (*_REQUIRED, "record", "schemes", "values")
    index = cast("Engine", SimpleNamespace(**{name: getattr(world.index, name) for name in names}))
    assert not isinstance(index, Lists)
    assert not isinstance(index, Unread)
    bind(index, world.store)
    return LocalGate(index, world.store, secrets=ticket_secrets(index))


def test_lists_and_unread_copies_are_optional(
    local_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What such an engine cannot answer is not queried; the rest is decided as ever."""
    world = local_world
    world.index.enlist([("default", Listed(content_digest(b"listed")))])
    world.record("unread", b"lazy!", Digests())
    world.record("weak", b"weakly", weak_only(b"weakly"))
    world.upload("dead", b"content")
    world.remove("dead")
    monkeypatch.setattr(world.index, "copies", _only_of_a_digest(world.index))
    gate = gate_over_required(world)
    asked = [content(data, weak=True) for data in (b"listed", b"lazy!", b"weakly", b"content")]
    answers = [answer.verdict for answer in gate.check([*asked, Content(0, ())])]
    assert answers == [
        Verdict.NEW,
        Verdict.NEW,
        Verdict.DUPLICATE,
        Verdict.NEW,
        Verdict.NEW,
    ]
    [begun] = gate.begin([Request("a", 6, content_digest(b"upload"))])
    assert begun.ticket is not None
    [stored] = gate.complete([world.send(begun.ticket, b"upload", gate)])
    assert stored.verdict is Verdict.NEW
    assert gate.check([content(b"upload")])[0].copy == stored.copy
    assert gate.probe([6]) == [{content_digest(b"upload").scheme}]


def _only_of_a_digest(index: Engine) -> Callable[..., Iterator[tuple[str, Copy]]]:
    """Return `copies` without the walk through all copies of a tenant, which no check may cost."""
    copies = index.copies

    def of_a_digest(tenant: str, *, digest: Digest | None) -> Iterator[tuple[str, Copy]]:
        assert digest is not None
        return iter(copies(tenant, digest=digest))

    return of_a_digest
