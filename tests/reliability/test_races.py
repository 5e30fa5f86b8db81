"""P4 and P7 against races: several processes do the same thing at the same moment."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onecopy.content import Verdict
from onecopy.errors import PartSuperseded, Unavailable, UploadUnknown
from onecopy.gate import Answer, Finish, Request
from tests.gate.world import World, content_digest, parts_of
from tests.reliability import contents, folder, racer
from tests.reliability.consistency import check_consistency
from tests.reliability.figures import show
from tests.reliability.racer import KINDS, data_of
from tests.reliability.worker import CONTEXT, Worker

RACERS = 4


def run_races(root: Path, rounds: int) -> list[list[Answer]]:
    """Return the answers of each round."""
    World.at(root).close()
    barrier = CONTEXT.Barrier(RACERS)
    workers = [Worker(racer.race, root, barrier, rounds, me) for me in range(RACERS)]
    with ThreadPoolExecutor(RACERS) as ears:  # whoever is not heard stops, and all with him
        assert not any(ears.map(Worker.end, workers))
    told = [[said.answer for said in worker.told] for worker in workers]
    return [[answer for answer in answers if answer] for answers in zip(*told, strict=True)]


def judge_races(root: Path, rounds: Sequence[Sequence[Answer]]) -> Counter[str]:
    """Compare all answers with what is stored; return the number of each answer."""
    world = World.at(root)
    lying, recorded = folder.read(root / "files"), world.recorded()
    assert recorded.keys() == lying.keys(), "all that lies there is recorded, and nothing else"
    ours: dict[int, dict[str, bytes]] = {number: {} for number in range(len(rounds))}
    for key, found in lying.items():
        ours[int(key.partition("/")[0])][key] = found.data
    heard: Counter[str] = Counter()
    for number, answers in enumerate(rounds):
        kind = KINDS[number % len(KINDS)]
        assert len(answers) == RACERS
        judge_round(kind, number, answers, ours[number])
        if kind is not racer.one_gives_up:
            assert world.check(next(iter(ours[number].values()))).verdict is Verdict.DUPLICATE
        heard.update(f"{kind.__name__}: {a.verdict} {a.reason or ''}" for a in answers)
    check_consistency(world.index, ["default"])
    world.close()
    return heard


def judge_round(
    kind: object, number: int, answers: Sequence[Answer], ours: dict[str, bytes]
) -> None:
    """Judge one race; `ours` is what it left in the folder."""
    named = {answer.copy.key for answer in answers if answer.copy}
    new = [answer for answer in answers if answer.verdict is Verdict.NEW]
    firsts = [answer for answer in new if answer.reason is None]
    assert named <= ours.keys()
    if kind is racer.one_gives_up:
        assert {answer.reason for answer in answers} <= {None, "upload-unknown", "parts-missing"}
        assert len(ours) == len(named), "there if and only if it was acknowledged"
        return
    assert all(answer.verdict is not Verdict.UNCONFIRMED for answer in answers)
    if kind is racer.one_key:
        assert len(firsts) == len(ours) == 1
        assert [answer.reason for answer in new].count("key-taken") == RACERS - 1
        return
    assert set(ours.values()) == {data_of(number)}
    assert all(answer.reason != "key-taken" for answer in answers), "by this very content"
    if kind is racer.one_content:
        assert len(firsts) == 1, "one copy of record"
        assert {answer.copy.key for answer in new if answer.copy} == ours.keys()
    else:
        assert len(ours) == 1
        assert firsts
        assert len(firsts) == 1 or kind is not racer.one_content_one_key


class Late:
    """A large upload without a digest, of which two senders send two versions."""

    OURS, THEIRS = b"a" * len(contents.LARGE), b"b" * len(contents.LARGE)

    def __init__(self, root: Path) -> None:
        self.world, self.other = World.at(root), World.at(root)
        [begun] = self.world.gate().begin([Request("large", len(self.OURS))])
        assert begun.ticket is not None
        self.ticket = begun.ticket

    def send(self, between: Callable[[], object]) -> None:
        """Send our version of the first part, with an action in the middle."""

        def body() -> Iterator[bytes]:
            part = parts_of(self.OURS)[0]
            yield part[: len(part) // 2]
            between()
            yield part[len(part) // 2 :]

        self.world.gate().receive(self.ticket, 1, body(), None)

    def send_theirs(self) -> Finish:
        """Send all of their version through the other process."""
        return self.other.send(self.ticket, self.THEIRS)

    def complete_theirs(self) -> Answer:
        """Send all of their version through the other process, and complete it."""
        [answer] = self.other.gate().complete([self.send_theirs()])
        return answer

    def judge(self, data: bytes) -> None:
        """Require that this content is stored and recorded."""
        assert self.world.path("large").read_bytes() == data
        assert self.world.recorded()["large"].content_digest == content_digest(data)
        assert self.world.check(data).verdict is Verdict.DUPLICATE


@pytest.fixture
def late(memory_path: Path) -> Iterator[Late]:
    """Return an upload with two senders."""
    late = Late(memory_path)
    yield late
    late.world.close()
    late.other.close()


def test_overtaken_sender(late: Late) -> None:
    """A slow sender does not affect what another has sent and published."""
    with pytest.raises((Unavailable, UploadUnknown)):
        late.send(late.complete_theirs)
    late.judge(late.THEIRS)


def test_sender_after_sender(late: Late) -> None:
    """A slow sender does not affect what another has sent but not yet published."""
    with pytest.raises(PartSuperseded):
        late.send(late.send_theirs)
    [answer] = late.other.gate().complete([Finish(late.ticket)])
    assert answer.verdict is Verdict.NEW
    late.judge(late.THEIRS)


def test_completed_while_sending_again(late: Late) -> None:
    """An upload that is being sent again can't be completed, and versions are never mixed."""
    sent = late.send_theirs()
    answers: list[Answer] = []
    late.send(lambda: answers.extend(late.other.gate().complete([sent])))
    assert [answer.reason for answer in answers] == ["parts-missing"]
    [answer] = late.other.gate().complete([Finish(late.ticket)])
    assert answer.verdict is Verdict.NEW
    late.judge(parts_of(late.OURS)[0] + parts_of(late.THEIRS)[1])


def test_races(memory_path: Path) -> None:
    """Whichever process wins a race, there is one copy of record, and nothing is lost."""
    judge_races(memory_path, run_races(memory_path, 60))


@pytest.mark.soak
def test_thousands_of_races(memory_path: Path) -> None:
    """The same, thousands of times."""
    show("races", judge_races(memory_path, run_races(memory_path, 12_000)))
