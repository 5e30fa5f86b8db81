"""P5: what is another tenant's is looked for exactly as what is nowhere, down to each call."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onecopy.avoided import Counts
from onecopy.content import Content, Copy, Digests, Evidence
from onecopy.digest import Digest
from onecopy.errors import BadInput, InvalidTicket, OnecopyError
from onecopy.gate import Answer, Avoided, Finish, LocalGate, Place, Request
from onecopy.index.listings import Listings
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.recorder import Recorder
from onecopy.store import Object, Upload
from onecopy.testing.faults import Call, Faults
from tests.gate.world import World, content, content_digest, md5, weak_only
from tests.reliability import contents
from tests.reliability.behind import behind
from tests.reliability.victim import send

DATA = b"bytes"
LAZY = b"lazy!"
WEAK = b"weak."
LISTED = b"listed"


class Log(Faults):
    """Notes every call to index and store, with its arguments and what kind of answer it got."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.calls: list[Call] = []

    def apply(self, call: Call) -> object:
        """Make a call, and note it."""
        self.calls.append(call)
        line = f"{call.step}{_shown(call.arguments)}"
        try:
            result = super().apply(call)
        except OnecopyError as error:
            self.lines.append(f"{line} raised {error!r}")
            raise
        # Other programs change how much room there is on the disk.
        shown = "bytes" if call.step == "store.room" else _shown(result)
        self.lines.append(f"{line} -> {shown}")
        return result


def _shown(value: object) -> str:
    """Show a value, but for what is drawn anew for each upload or is another for each file."""
    if isinstance(value, Upload):
        return f"Upload({value.key}, {value.size})"
    if isinstance(value, Copy | Object):
        return f"{type(value).__name__}({value.key}, {value.size}, {value.digests})"
    if isinstance(value, Answer):
        kept = value._replace(ticket=value.ticket and "drawn", send=None)
        return f"Answer({', '.join(map(_shown, kept))})"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, bytes | str | int | None | Digests):
        return repr(value)
    return type(value).__name__


class Side:
    """Bob's gate in a world of its own, and what it does."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.world = World.at(root)
        self.log = Log()
        self.bob = behind(self.log, self.world).gate("bob")
        self.log.lines.clear()


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Side, Side]]:
    """Return two worlds: in one there is nothing, in the other Alice has what Bob will request."""
    nowhere, elsewhere = Side(tmp_path / "nowhere"), Side(tmp_path / "elsewhere")
    alice = elsewhere.world.gate("alice")
    for key, data in {"a": DATA, "b": contents.TWIN_A, "c": contents.LARGE, "empty": b""}.items():
        elsewhere.world.upload(key, data, gate=alice)
    elsewhere.world.record("weak", WEAK, weak_only(WEAK), "alice")
    elsewhere.world.record("lazy", LAZY, Digests(), "alice")
    claimed = Digests.of([(content_digest(contents.X), Evidence.CLAIMED)])
    elsewhere.world.record("claimed", b"y", claimed, "alice")
    elsewhere.world.place("alice/listed", LISTED)
    elsewhere.world.place("alice/opaque", LISTED)
    assert isinstance(elsewhere.world.index, Listings)
    copies = [
        ListedCopy(key, len(LISTED), md5(LISTED).value, 0, is_opaque=key == "opaque", modified=1)
        for key in ("listed", "opaque")
    ]
    elsewhere.world.index.merge("alice", EVERYTHING, copies)
    for number in range(100):
        elsewhere.world.record(f"many/{number}", DATA, tenant="alice")
    Recorder(elsewhere.world.index, 0).count("alice", Counts(1, 5, 1, 5))
    yield nowhere, elsewhere
    for side in (nowhere, elsewhere):
        side.world.close()


ALL = (DATA, LAZY, WEAK, LISTED, *contents.ALL)


def _upload(key: str, data: bytes) -> Callable[[LocalGate], object]:
    def call(gate: LocalGate) -> object:
        [begun] = gate.begin([Request(key, len(data), content_digest(data))])
        if begun.ticket is None:
            return begun
        return begun, gate.complete([send(gate, begun.ticket, data)])

    return call


def _report(gate: LocalGate) -> str:
    try:
        gate.count_avoided(Avoided(1, len(DATA), len(DATA)))
    except BadInput as error:
        return str(error)
    return "counted"


QUESTIONS: dict[str, Callable[[LocalGate], object]] = {
    "probe": lambda gate: [sorted(map(str, found)) for found in gate.probe([*map(len, ALL)])],
    "check": lambda gate: gate.check([content(data) for data in ALL if data]),
    "check with MD5": lambda gate: gate.check([content(data, weak=True) for data in ALL if data]),
    "check by MD5": lambda gate: gate.check([Content(len(d), (md5(d),)) for d in ALL if d]),
    "begin": lambda gate: gate.begin(
        [Request(f"k{n}", len(data), content_digest(data)) for n, data in enumerate(ALL)]
    ),
    "begin without digest": lambda gate: gate.begin([Request("c", len(contents.LARGE))]),
    "begin anyway": lambda gate: gate.begin(
        [Request("a", len(DATA), content_digest(DATA), anyway=True)]
    ),
    "begin at their keys": lambda gate: gate.begin(
        [
            Request(key, len(DATA), content_digest(DATA))
            for key in ("a", "alice/a", "../alice/a", "/alice/a", "empty", "many/1")
        ]
    ),
    "upload": _upload("a", DATA),
    "upload large": _upload("c", contents.LARGE),
    "upload empty": _upload("empty", b""),
    "place": lambda gate: gate.place(
        [Place(f"p{n}", len(data), content_digest(data)) for n, data in enumerate(ALL)]
    ),
    "report avoided uploads": _report,
    "activity": lambda gate: [*gate.activity().days, *gate.activity().months],
    "link": lambda gate: [gate.live_copy(key) for key in ("a", "alice/a", "../alice/a", "many/1")],
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_same_calls(sides: tuple[Side, Side], name: str) -> None:
    """Whatever Bob requests, index and store get the same calls, and he gets the same answer."""
    answers = [_shown(QUESTIONS[name](side.bob)) for side in sides]
    nowhere, elsewhere = sides
    assert answers[0] == answers[1]
    assert nowhere.log.lines == elsewhere.log.lines
    assert nowhere.log.lines


def test_difference_would_show(sides: tuple[Side, Side]) -> None:
    """The comparison has teeth: what Bob has himself makes a difference."""
    nowhere, elsewhere = sides
    elsewhere.world.upload("a", DATA, gate=elsewhere.world.gate("bob"))
    elsewhere.log.lines.clear()
    for side in sides:
        QUESTIONS["check"](side.bob)
    assert nowhere.log.lines != elsewhere.log.lines


def test_calls_name_one_tenant(sides: tuple[Side, Side]) -> None:
    """No call to the index names another tenant, and none to the store a key outside the prefix."""
    _, elsewhere = sides
    elsewhere.log.calls.clear()
    for ask in [*QUESTIONS.values()] * 2:  # first with nothing, then with what he has uploaded
        ask(elsewhere.bob)
    for step, arguments, _ in elsewhere.log.calls:
        if step == "index.put_if":
            assert arguments[0].startswith("placed:bob:")
        elif step == "index.get":
            assert arguments[0] in {"ticket-secret", "checksum-api-bob", "avoided/bob"}
        elif step.startswith("index.") and arguments:
            assert arguments[0] == "bob"
        elif arguments:
            assert all(key.startswith("bob/") for key in _keys(arguments[0]))


def _keys(argument: object) -> list[str]:
    """Return the keys in the first argument of a call to the store."""
    if isinstance(argument, Object | Upload):
        return [argument.key]
    if isinstance(argument, str):
        return [argument]
    if isinstance(argument, Digest):
        return []
    assert isinstance(argument, list | tuple)
    return [key for item in argument for key in _keys(item)]


TICKET_USES: tuple[Callable[[LocalGate, str], object], ...] = (
    lambda gate, ticket: gate.parts(ticket, [(1, bytes(32))]),
    lambda gate, ticket: gate.receive(ticket, 1, iter([DATA]), None),
    lambda gate, ticket: gate.status(ticket),
    lambda gate, ticket: gate.abort([ticket]),
)


def test_their_tickets(sides: tuple[Side, Side]) -> None:
    """A ticket of Alice's is refused like a forged one, with the same calls."""
    _, elsewhere = sides
    request = Request("new", len(DATA), content_digest(DATA), anyway=True)
    [begun] = elsewhere.world.gate("alice").begin([request])
    assert begun.ticket is not None
    forged = "A" * len(begun.ticket)
    elsewhere.bob.config()  # reads once whether the checksum API counts his contents
    hers, none = (_refusals(elsewhere, ticket) for ticket in (begun.ticket, forged))
    assert hers == none


def _refusals(side: Side, ticket: str) -> list[object]:
    """Return Bob's answer for a ticket, and the calls that were made for it."""
    side.log.lines.clear()
    told: list[object] = [side.bob.complete([Finish(ticket)])]
    for use in TICKET_USES:
        with pytest.raises(InvalidTicket) as caught:
            use(side.bob, ticket)
        told.append((str(caught.value), caught.value.reason))
    return [*told, *side.log.lines]
