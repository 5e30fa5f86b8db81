"""Copies in the trash and in snapshots are known, but make no duplicate."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onecopy.content import Content, Copy, Digests, Evidence, Listed, Verdict
from onecopy.digest import SHA256, Digest
from onecopy.errors import Unavailable
from onecopy.gate import Answer, Limits
from onecopy.patterns import TRASH
from tests.gate.direct import DirectWorld
from tests.gate.world import World, content, content_digest, md5, weak_only
from tests.index.tables import new_table, url_of
from tests.standins import Standin

LARGE = bytes(range(256)) * 4096 * 9  # 9 MiB: two parts
IN_TRASH = (Verdict.NEW, "in-trash")


def outcome(answer: Answer) -> tuple[Verdict, str | None]:
    """Return the verdict and the reason of an answer."""
    return answer.verdict, answer.reason


def key(answer: Answer) -> str | None:
    """Return the key of the copy that an answer names."""
    return answer.copy.key if answer.copy else None


@pytest.mark.parametrize(
    "name",
    [
        ".Trash-1000/files/a.jpg",
        "photos/#recycle/a.jpg",
        "photos/.zfs/snapshot/daily/a.jpg",
        "lost+found/#1234",
        "a\nb/@eaDir/a.jpg",
    ],
)
def test_only_in_trash(local_world: World, name: str) -> None:
    """A content of which the only copy is in the trash is new; the answer names the copy."""
    local_world.record(name, b"bytes")
    answer = local_world.check(b"bytes")
    assert outcome(answer) == IN_TRASH
    assert key(answer) == name


def test_digests_of_all_kinds(world: World) -> None:
    """The verdict is the same for an uploaded copy, a large one, and one of which MD5 is known."""
    world.upload("#recycle/a", b"bytes")
    world.upload("#recycle/large", LARGE)
    world.record("#recycle/weak", b"weak!!", weak_only(b"weak!!"))
    world.record("#recycle/claimed", b"claimed", Digests.of([(md5(b"claimed"), Evidence.CLAIMED)]))
    world.record("#recycle/unread", b"unread--", Digests())
    for data in (b"bytes", LARGE, b"weak!!", b"claimed", b"unread--"):
        assert outcome(world.check(data, weak=True)) == IN_TRASH, data[:10]


@pytest.mark.parametrize("count", [1, 16, 17, 100])
@pytest.mark.parametrize("digests", ["proved", "weak", "unread"])
def test_outside_is_found(local_world: World, count: int, digests: str) -> None:
    """A live copy outside makes a duplicate, however many copies in the trash come first."""
    known = {"proved": None, "weak": weak_only(b"bytes"), "unread": Digests()}[digests]
    for number in range(count):
        local_world.record(f".snapshots/{number:03}/a", b"bytes", known)
    local_world.record("photos/a", b"bytes", known)
    local_world.record(".snapshots/last/a", b"bytes", known)
    answer = local_world.check(b"bytes", weak=True)
    assert answer.verdict is Verdict.DUPLICATE
    assert key(answer) == "photos/a"


def test_outside_is_gone(world: World) -> None:
    """If the copy outside is gone, the live one in the trash is named, and not one that is gone."""
    world.record("#recycle/1", b"bytes")
    world.record("photos/a", b"bytes")
    world.record("#recycle/2", b"bytes")
    world.remove("photos/a")
    world.remove("#recycle/1")
    answer = world.check(b"bytes")
    assert outcome(answer) == IN_TRASH
    assert key(answer) == "#recycle/2"
    assert [*world.recorded()] == ["#recycle/2"]
    world.remove("#recycle/2")
    assert world.check(b"bytes") == Answer(Verdict.NEW)
    assert world.recorded() == {}


def test_many_contents_at_once(local_world: World) -> None:
    """In one request, contents in the trash, outside, in both and in neither keep their places."""
    local_world.record("#recycle/a", b"a")
    local_world.record("#recycle/b", b"bb")
    local_world.record("b", b"bb")
    local_world.record("c", b"ccc")
    answers = local_world.gate().check([content(data) for data in (b"a", b"bb", b"ccc", b"dddd")])
    assert [key(answer) for answer in answers] == ["#recycle/a", "b", "c", None]
    assert [answer.verdict for answer in answers] == [
        Verdict.NEW,
        Verdict.DUPLICATE,
        Verdict.DUPLICATE,
        Verdict.NEW,
    ]


def test_patterns_apply_when_answering(local_world: World) -> None:
    """Other patterns give other answers about the same records, without a scan."""
    local_world.record("old/a", b"bytes")
    assert local_world.check(b"bytes").verdict is Verdict.DUPLICATE
    stricter = local_world.gate(trash=[*TRASH, "/old/"])
    assert outcome(local_world.check(b"bytes", gate=stricter)) == IN_TRASH
    local_world.record("#recycle/b", b"other")
    assert outcome(local_world.check(b"other", gate=stricter)) == IN_TRASH
    for lines in ([*TRASH, "!\\#recycle/"], [*TRASH, "!*"], []):
        laxer = local_world.gate(trash=lines)
        assert local_world.check(b"other", gate=laxer).verdict is Verdict.DUPLICATE


def test_tenants(local_world: World) -> None:
    """Patterns match the keys below a tenant's prefix."""
    local_world.record("old/a", b"bytes", tenant="ana")
    gate = local_world.gate("ana", trash=["/old/"])
    assert outcome(local_world.check(b"bytes", gate=gate)) == IN_TRASH


def test_upload_after_in_trash(world: World) -> None:
    """Content that is only in the trash is stored, and later checks find the new copy."""
    for number in range(20):
        world.record(f".snapshots/{number:02}/a", b"bytes")
    assert outcome(world.check(b"bytes")) == IN_TRASH
    stored = world.upload("photos/a", b"bytes")
    assert outcome(stored) == (Verdict.NEW, None)
    answer = world.check(b"bytes")
    assert answer.verdict is Verdict.DUPLICATE
    assert key(answer) == "photos/a"
    assert len(world.recorded()) == 21
    first = world.index.lookup("default", [content_digest(b"bytes")])[0]
    assert first is not None
    assert first.key == "photos/a"
    assert world.upload("photos/b", b"bytes").verdict is Verdict.DUPLICATE
    for number in range(20):
        world.remove(f".snapshots/{number:02}/a")
    assert world.check(b"bytes").verdict is Verdict.DUPLICATE


def test_many_copies_in_the_trash() -> None:
    """An upload takes the place of all of them, whatever else this tenant has, or another (P5)."""
    world = DirectWorld.new()
    world.record("theirs", b"bytes", tenant="alice")
    world.record("!other", b"other", tenant="photos")
    for number in range(20):
        world.record(f"#recycle/{number:02}", b"bytes", tenant="photos")
    assert outcome(world.upload("a", b"bytes", gate=world.gate("photos"))) == (Verdict.NEW, None)
    [first] = world.index.lookup("photos", [content_digest(b"bytes")])
    assert first is not None
    assert first.key == "a"


def test_upload_of_large_after_in_trash(world: World) -> None:
    """A file that is sent in parts takes the place of the copy in the trash as well."""
    world.record("#recycle/a", LARGE)
    assert outcome(world.upload("photos/a", LARGE)) == (Verdict.NEW, None)
    assert key(world.check(LARGE)) == "photos/a"


@pytest.mark.parametrize("together", [True, False])
def test_two_uploads_at_once(world: World, *, together: bool) -> None:
    """Of two uploads of a content that is in the trash, exactly one is the copy of record (P4)."""
    world.record("#recycle/a", b"bytes")
    gates = [world.gate(), world.gate()]
    begun = [world.begin(f"photos/{at}", b"bytes", gate=gate) for at, gate in enumerate(gates)]
    finishes = [
        world.send(answer.ticket or "", b"bytes", gate)
        for answer, gate in zip(begun, gates, strict=True)
    ]
    if together:
        answers = gates[0].complete(finishes)
    else:
        with ThreadPoolExecutor(2) as pool:
            jobs = [
                pool.submit(gate.complete, [finish])
                for gate, finish in zip(gates, finishes, strict=True)
            ]
            answers = [answer for job in jobs for answer in job.result()]
    assert sorted(str(answer.reason) for answer in answers if answer.copy) in (
        ["None", "extra-copy"],
        ["None", "None"],  # the second was found to be a duplicate before it was published
    )
    firsts = [answer for answer in answers if outcome(answer) == (Verdict.NEW, None)]
    assert len(firsts) == 1
    assert key(world.check(b"bytes")) == key(firsts[0])


def test_complete_again(world: World) -> None:
    """Completing again, because the answer was lost, says the same."""
    world.record("#recycle/a", b"bytes")
    begun = world.begin("photos/a", b"bytes")
    finish = world.send(begun.ticket or "", b"bytes")
    answers = [world.gate().complete([finish])[0] for _ in range(2)]
    assert {(outcome(answer), key(answer)) for answer in answers} == {
        ((Verdict.NEW, None), "photos/a")
    }


def test_upload_into_trash(world: World) -> None:
    """An upload into the trash is stored; it neither replaces a copy of record, nor becomes one."""
    assert outcome(world.upload("#recycle/a", b"bytes")) == (Verdict.NEW, None)
    assert outcome(world.check(b"bytes")) == IN_TRASH
    assert outcome(world.upload("#recycle/b", b"bytes")) == (Verdict.NEW, "extra-copy")
    assert outcome(world.upload("c", b"bytes")) == (Verdict.NEW, None)
    assert world.upload("#recycle/d", b"bytes").verdict is Verdict.DUPLICATE
    again = world.upload("#recycle/e", b"bytes", anyway=True)
    assert outcome(again) == (Verdict.NEW, "extra-copy")
    assert key(world.check(b"bytes")) == "c"


def test_requested_key(world: World) -> None:
    """At the requested key itself the patterns change nothing: nothing is overwritten (P7)."""
    world.record("#recycle/a", b"bytes")
    same = world.upload("#recycle/a", b"bytes")
    assert (same.verdict, key(same)) == (Verdict.DUPLICATE, "#recycle/a")
    other = world.upload("#recycle/a", b"other")
    assert outcome(other) == (Verdict.NEW, "key-taken")
    assert world.read("#recycle/a") == b"bytes"


def test_lists(local_world: World) -> None:
    """A list of checksums is judged as without the copy in the trash."""
    local_world.record("#recycle/a", b"bytes")
    local_world.index.enlist([("default", Listed(md5(b"bytes"), 5))])
    listed = local_world.check(b"bytes", weak=True)
    assert outcome(listed) == (Verdict.UNCONFIRMED, "listed")
    assert outcome(local_world.check(b"bytes")) == IN_TRASH
    other = Listed(Digest(SHA256, hashlib.sha256(b"bytes").digest()), 6)
    local_world.index.enlist([("default", other)])
    assert outcome(local_world.check(b"bytes")) == IN_TRASH


def test_doubt_outside_the_trash(local_world: World) -> None:
    """A copy outside that may hold the content and can't be read is still unconfirmed (P3)."""
    local_world.record("#recycle/a", b"bytes")
    local_world.record("photos/a", b"bytes", weak_only(b"bytes"))
    gate = local_world.gate(limits=Limits(read_bytes=1))
    answer = local_world.check(b"bytes", weak=True, gate=gate)
    assert outcome(answer) == (Verdict.UNCONFIRMED, "read-limit")


def test_doubt_in_the_trash(local_world: World) -> None:
    """A copy in the trash that can't be read now raises no doubt: it could make no duplicate."""
    local_world.record("#recycle/a", b"bytes", Digests())
    gate = local_world.gate(limits=Limits(read_bytes=1))
    assert local_world.check(b"bytes", gate=gate) == Answer(Verdict.NEW)
    weak = Content(5, (md5(b"bytes"),))
    assert local_world.gate().check([weak])[0].verdict is Verdict.UNCONFIRMED


def test_store_is_away(world: World) -> None:
    """Without its store, a content in the trash is unconfirmed (P3)."""
    world.record("#recycle/a", b"bytes")
    world.unmount()
    assert outcome(world.check(b"bytes")) == (Verdict.UNCONFIRMED, "store-unavailable")
    world.mount()
    assert outcome(world.check(b"bytes")) == IN_TRASH


def test_index_fails_between(local_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the index fails while copies change places, the upload can be completed again."""
    local_world.record("#recycle/a", b"bytes")
    begun = local_world.begin("photos/a", b"bytes")
    finish = local_world.send(begun.ticket or "", b"bytes")
    with monkeypatch.context() as patched:
        patched.setattr(local_world.index, "add", _fail)
        with pytest.raises(Unavailable):
            local_world.gate().complete([finish])
    assert outcome(local_world.gate().complete([finish])[0]) == (Verdict.NEW, None)
    assert key(local_world.check(b"bytes")) == "photos/a"


def _fail(*_: object) -> int:
    raise Unavailable("the index is away")


@pytest.fixture(
    params=[
        "memory",
        pytest.param("postgres", marks=pytest.mark.server),
        pytest.param("dynamodb", marks=pytest.mark.server),
    ]
)
def engine_world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Return an empty world with each other engine."""
    if request.param == "postgres":
        url = request.getfixturevalue("database")
    elif request.param == "dynamodb":
        server: Standin = request.getfixturevalue("ministack")
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        url = url_of(server, new_table())
    else:
        url = "memory:"
    world = World.at(tmp_path, url)
    yield world
    world.close()


def test_engines(engine_world: World) -> None:
    """With every engine the new copy takes the place of those in the trash."""
    copies = [engine_world.record(f"#recycle/{number:02}", b"bytes") for number in range(20)]
    assert outcome(engine_world.check(b"bytes")) == IN_TRASH
    assert outcome(engine_world.upload("photos/a", b"bytes")) == (Verdict.NEW, None)
    first = engine_world.index.lookup("default", [content_digest(b"bytes")])[0]
    assert first is not None
    assert first.key == "photos/a"
    assert _known(engine_world) == {"photos/a", *(copy.key for copy in copies)}
    assert outcome(engine_world.upload("b", b"bytes", anyway=True)) == (Verdict.NEW, "extra-copy")


def _known(world: World) -> set[str]:
    found: Iterator[tuple[str, Copy]] = world.index.copies(
        "default", digest=content_digest(b"bytes")
    )
    return {copy.key for _, copy in found}
