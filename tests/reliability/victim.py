"""What processes do that are to be killed: upload, or load an index in bulk."""

import hashlib
import os
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import apsw

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import MD5, SHA256, Digest
from onecopy.gate import Answer, Finish, LocalGate, Place, Request
from onecopy.index.sqlite import index
from tests.gate.world import World, content, content_digest, parts_of
from tests.reliability.behind import behind
from tests.reliability.steps import Steps
from tests.reliability.worker import Tell, Told

CLAIMED, PROVED = Evidence.CLAIMED, Evidence.PROVED


class Order(NamedTuple):
    """One upload that the victim is to make."""

    key: str
    data: bytes
    anyway: bool = False
    known: bool = True
    """Whether the digest is known at the beginning."""


def upload(tell: Tell, root: Path, batches: Sequence[Sequence[Order]], last: int | None) -> None:
    """Upload batch by batch; die at step `last`, or report the names of all steps at the end."""
    steps = Steps(last)
    plain = World.at(root)
    gate = behind(steps, plain).gate()
    steps.wrap_system()
    number = 0
    for batch in batches:
        _upload_batch(tell, gate, batch, number, steps)
        number += len(batch)
    plain.close()
    tell(Told("steps", steps=tuple(steps.names)))


def place(tell: Tell, root: Path, orders: Sequence[Order], last: int | None) -> None:
    """Place contents that are stored; die at step `last`, or report the names of all steps."""
    steps = Steps(last)
    plain = World.at(root)
    gate = behind(steps, plain).gate()
    steps.wrap_system()
    requests = [Place(each.key, len(each.data), content_digest(each.data)) for each in orders]
    for number, answer in enumerate(gate.place(requests)):
        tell(Told("done", number, answer=answer))
    plain.close()
    tell(Told("steps", steps=tuple(steps.names)))


def _upload_batch(
    tell: Tell, gate: LocalGate, batch: Sequence[Order], number: int, steps: Steps
) -> None:
    gate.check([content(order.data) for order in batch if order.data])
    steps.step("checked")
    begun = _begin(gate, batch)
    finishes: dict[int, Finish] = {}
    for at, (order, answer) in enumerate(zip(batch, begun, strict=True), number):
        if answer.ticket is None:
            tell(Told("done", at, answer=answer))
            continue
        tell(Told("begun", at, answer.ticket))
        finishes[at] = send(gate, answer.ticket, order.data)
        tell(Told("sent", at, answer.ticket))
        steps.step("sent")
    for at, answer in zip(finishes, gate.complete(list(finishes.values())), strict=True):
        tell(Told("done", at, answer=answer))
        steps.step("told")


def _begin(gate: LocalGate, batch: Sequence[Order]) -> list[Answer]:
    """Begin uploads; compute the digest only where the size does not decide, as clients do."""
    answers = gate.begin([_request(order) for order in batch])
    for at, answer in enumerate(answers):
        if answer.reason == "digest-needed":
            [answers[at]] = gate.begin([_request(batch[at]._replace(known=True))])
    return answers


def _request(order: Order) -> Request:
    digest = content_digest(order.data) if order.known else None
    return Request(order.key, len(order.data), digest, anyway=order.anyway)


def send(gate: LocalGate, ticket: str, data: bytes) -> Finish:
    """Send all parts, each in three pieces."""
    digests = []
    for number, part in enumerate(parts_of(data), 1):
        digests.append(hashlib.sha256(part).digest())
        [where] = gate.parts(ticket, [(number, digests[-1])])
        gate.send(ticket, where, partial(_pieces, part), len(part))
    return Finish(ticket, tuple(digests))


def _pieces(part: bytes) -> Iterator[bytes]:
    third = len(part) // 3 + 1
    return (part[at : at + third] for at in range(0, len(part), third))


class Death(NamedTuple):
    """Where a bulk load dies: when it reads copy `last`, or in a statement that moves its file."""

    last: int | None = None
    statement: str = ""
    """How it begins."""
    steps: int = 0
    """Of SQLite's virtual machine that it may still take; 0: none of it is executed."""


def load(tell: Tell, root: Path, copies: int, chunk: int | None, death: Death) -> None:
    """Load an index in bulk, `chunk` copies at a time."""
    if chunk is not None:
        index._CHUNK = chunk
    if death.statement:
        apsw.connection_hooks.append(partial(_die_moving, death))
    world = World.at(root)
    tell(Told("begun"))
    world.index.add(("default", copy) for copy in _given(copies, death.last))
    tell(Told("done"))
    world.close()


def _given(copies: int, last: int | None) -> Iterator[Copy]:
    for number in range(copies):
        if number == last:
            _die()
        yield bulk_copy(number)


def _die_moving(death: Death, connection: apsw.Connection) -> None:
    """Let a connection that moves a draft die where it shall."""
    moving = False

    def trace(_cursor: apsw.Cursor, statement: str, _bindings: object) -> bool:
        nonlocal moving
        moving = moving or statement.startswith("ATTACH")
        if moving and statement.strip().startswith(death.statement):
            if death.steps:
                connection.set_progress_handler(_die, death.steps)
            else:
                _die()
        return True

    connection.set_exec_trace(trace)


def _die() -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return True


def bulk_copy(number: int) -> Copy:
    """Return a copy with proved, claimed or no digests; in no order of their digests."""
    value = hashlib.sha256(number.to_bytes(8)).digest()
    digests = [
        Digests.proved(Digest(SHA256, value)),
        Digests.of([(Digest(SHA256, value), CLAIMED), (Digest(MD5, value[:16]), PROVED)]),
        Digests(),
    ][number % 3]
    return Copy(f"bulk/{number}", number % 1000 + 1, digests, f"identity {number}", number, 1)
