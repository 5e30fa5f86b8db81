"""Conditions for index and folder after a kill, and after repeating everything."""

import hashlib
from collections import Counter
from collections.abc import Sequence

from onecopy.content import Verdict
from onecopy.gate import Answer, Finish
from tests.gate.world import World, content_digest, parts_of
from tests.reliability import folder
from tests.reliability.consistency import check_consistency
from tests.reliability.victim import Order, send
from tests.reliability.worker import Told


def check_said(world: World, orders: Sequence[Order], told: Sequence[Told]) -> None:
    """Raise AssertionError unless everything acknowledged is stored."""
    for said in told:
        if said.what == "done" and said.answer is not None:
            _check_acknowledged(world, orders[said.number], said.answer)


def check_world(world: World, orders: Sequence[Order]) -> None:
    """Raise AssertionError if anything is stored in part, or an answer is not true."""
    ordered: dict[str, set[bytes]] = {}
    for order in orders:
        ordered.setdefault(order.key, set()).add(order.data)
    for key, found in folder.read(world.root / "files").items():
        assert found.data in ordered[key], "all or nothing"
    for data in {order.data for order in orders if order.data}:
        _check_verdict(world, data)
    check_consistency(world.index, ["default"])


def _check_acknowledged(world: World, order: Order, answer: Answer) -> None:
    assert answer.verdict is not Verdict.UNCONFIRMED
    assert answer.copy is not None
    assert world.path(answer.copy.key).read_bytes() == order.data
    if order.data:
        [recorded] = world.index.at("default", [answer.copy.key])
        assert recorded is not None
        assert recorded.content_digest == content_digest(order.data)
        assert world.check(order.data).verdict is Verdict.DUPLICATE


def _check_verdict(world: World, data: bytes) -> None:
    answer = world.check(data)
    assert answer.verdict is not Verdict.UNCONFIRMED
    if answer.verdict is Verdict.DUPLICATE:
        assert answer.copy is not None
        assert world.path(answer.copy.key).read_bytes() == data


def settle(world: World, orders: Sequence[Order], told: Sequence[Told], *, give_up: bool) -> None:
    """Complete, or abort, the uploads that were in progress when the victim died."""
    done = {said.number for said in told if said.what == "done"}
    for said in told:
        if said.what != "begun" or said.number in done:
            continue
        if give_up:
            _give_up(world, said.ticket)
            continue
        all_sent = Told("sent", said.number, said.ticket) in told
        answer = _complete(world, orders[said.number], said.ticket, all_sent=all_sent)
        _check_acknowledged(world, orders[said.number], answer)


def _complete(world: World, order: Order, ticket: str, *, all_sent: bool) -> Answer:
    gate = world.gate()
    digests = tuple(hashlib.sha256(part).digest() for part in parts_of(order.data))
    [answer] = gate.complete([Finish(ticket, digests)])
    if answer.reason == "parts-missing":
        assert not all_sent, "parts that were acknowledged are durable"
        [answer] = gate.complete([send(gate, ticket, order.data)])
    return answer


def _give_up(world: World, ticket: str) -> None:
    before, staged = folder.read(world.root / "files"), world.staged()
    for _ in range(2):
        world.gate().abort([ticket])
    assert folder.read(world.root / "files") == before
    assert len(world.staged()) <= len(staged)


def do_again(world: World, orders: Sequence[Order]) -> None:
    """Repeat the uploads, and require that each succeeds."""
    for order in orders:
        answer = world.upload(order.key, order.data, anyway=order.anyway)
        _check_acknowledged(world, order, answer)


def check_done_once(world: World, orders: Sequence[Order]) -> None:
    """Raise AssertionError unless each content is stored once, or as often as requested."""
    lying = folder.read(world.root / "files")
    stored = Counter(found.data for found in lying.values())
    for data in {order.data for order in orders if order.data}:
        assert stored[data] == 1 + sum(order.anyway for order in orders if order.data == data)
    assert {key: copy.content_digest for key, copy in world.recorded().items()} == {
        key: content_digest(found.data) for key, found in lying.items() if found.data
    }
    check_consistency(world.index, ["default"])
