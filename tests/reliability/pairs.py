"""Simultaneous uploads of one content: how often it is sent and stored twice."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from threading import Barrier
from time import sleep

from onecopy.content import Verdict
from onecopy.digest import SHA256, Digest
from onecopy.gate import Answer, Finish, Gate, Request

_PATIENCE = 60
"""Seconds; a longer wait means that the other upload has failed."""
_POLL_SECONDS = 0.002


@dataclass
class Told:
    """How an upload ended."""

    answer: Answer
    asked: int
    """How many times it was begun."""
    is_sent: bool


def upload(gate: Gate, key: str, data: bytes) -> Told:
    """Upload a content as clients do, which begin again while another upload is under way."""
    asked = 0
    while True:
        asked += 1
        request = Request(key, len(data), Digest(SHA256, sha256(data).digest()))
        [begun] = gate.begin([request])
        if begun.reason != "uploading":
            break
        sleep(_POLL_SECONDS)
    if begun.ticket is None or begun.send is None:
        return Told(begun, asked, is_sent=False)
    gate.send(begun.ticket, begun.send, lambda: iter([data]), len(data))
    [done] = gate.complete([Finish(begun.ticket, (sha256(data).digest(),))])
    return Told(done, asked, is_sent=True)


@dataclass
class Figures:
    """What many pairs did."""

    pairs: int = 0
    sent_twice: int = 0
    stored_twice: int = 0
    waited: int = 0

    def add(self, pair: Sequence[Told]) -> None:
        """Judge a pair, and count it."""
        new = [told for told in pair if told.answer.verdict is Verdict.NEW]
        assert all(told.answer.copy for told in pair)
        assert [told.answer.reason for told in new].count(None) == 1, "one copy of record"
        self.pairs += 1
        self.stored_twice += len(new) > 1
        self.sent_twice += all(told.is_sent for told in pair)
        self.waited += any(told.asked > 1 for told in pair)


def run_pairs(gates: Sequence[Gate], pairs: int) -> Figures:
    """Upload each content through all gates at the same moment, under names of their own."""
    barrier, figures = Barrier(len(gates)), Figures()

    def work(me: int) -> list[Told]:
        told = []
        for number in range(pairs):
            barrier.wait(_PATIENCE)
            told.append(upload(gates[me], f"{number}/{me}", data_of(number)))
        return told

    for pair in zip(*_together(work, len(gates)), strict=True):
        figures.add(pair)
    return figures


def data_of(number: int) -> bytes:
    """Return the content of a pair."""
    return f"pair {number}".encode()


def _together(work: Callable[[int], list[Told]], threads: int) -> list[list[Told]]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(threads)))
