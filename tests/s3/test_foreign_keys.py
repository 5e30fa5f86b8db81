"""Objects of other programs, whose keys are not those that we would make."""

from contextlib import suppress
from pathlib import Path

import pytest
import urllib3
from botocore.exceptions import ClientError

from onecopy.content import Verdict
from onecopy.errors import Forbidden, InvalidKey
from onecopy.http.links import make_link
from onecopy.http.problems import HttpProblem
from onecopy.key import resolves_dots
from onecopy.scan import Problem, scan
from onecopy.store.s3.head_object import Head
from tests.gate.bucket import BucketWorld
from tests.standins import Standin

FOREIGN = {
    key: b"content %d" % number
    for number, key in enumerate(
        ("a//b", "./x", "../x", "p/../q", "/lead", "new\nline", "esc\x1b[m", "trail/", "...", "d/")
    )
}
"""Keys and contents. SeaweedFS refuses some of these keys, and changes others."""


@pytest.fixture
def foreign(world: BucketWorld) -> dict[str, bytes]:
    """Put the objects into the bucket; return those that it has, by the keys that it lists."""
    for key, data in FOREIGN.items():
        with suppress(ClientError):
            world.place(key, data)
    return {key: data for key, data in world.objects().items() if data}


def test_they_are_recorded_and_found(world: BucketWorld, foreign: dict[str, bytes]) -> None:
    """What is in a store is content, whatever its key."""
    if world.standin.name == "ministack":
        assert foreign == FOREIGN
    assert len(foreign) >= 5
    figures = scan(world.index, world.store)
    assert (figures.added, figures.problems) == (len(foreign), [])
    assert set(world.recorded()) == set(foreign)
    for key, data in foreign.items():
        answer = world.check(data, weak=True)  # a bucket states the MD5
        assert answer.copy is not None
        assert (answer.verdict, answer.copy.key) == (Verdict.DUPLICATE, key)
    assert scan(world.index, world.store, read="all").problems == []
    assert scan(world.index, world.store).known == len(foreign)


def test_they_are_forgotten_when_they_are_gone(
    world: BucketWorld, foreign: dict[str, bytes]
) -> None:
    """As any other object."""
    scan(world.index, world.store)
    for key in foreign:
        world.remove(key)
    assert scan(world.index, world.store).forgotten == len(foreign)


def test_links_lead_to_exactly_their_bytes(world: BucketWorld, foreign: dict[str, bytes]) -> None:
    """There is no link where a browser would change the address."""
    for key, data in foreign.items():
        if resolves_dots(key):
            with pytest.raises(InvalidKey, match="copy the object"):
                world.store.link(key, 60)
        else:
            answer = urllib3.request("GET", world.store.link(key, 60))
            assert (key, answer.data) == (key, data)


def test_the_service_says_why_there_is_no_link(tmp_path: Path, ministack: Standin) -> None:
    """A key is found or not; where a browser would change its address, the answer says so."""
    world = BucketWorld.new(tmp_path / "world", ministack)
    for key in ("../x", "a//b"):
        world.place(key, b"bytes")
    scan(world.index, world.store)
    assert make_link(world.gate(), [b"secret"], "a//b").url.startswith("/v1/content?link=")
    for key, why in (("../x", "copy the object"), ("x", "No copy"), ("nul\0", "No copy")):
        with pytest.raises(HttpProblem, match=why) as refused:
            make_link(world.gate(), [b"secret"], key)
        assert (refused.value.status, refused.value.reason) == (404, "copy-unknown")
    world.close()


def test_no_object_is_made_at_such_a_key(world: BucketWorld) -> None:
    """The rule for keys that we make is another."""
    for key in FOREIGN.keys() - {"..."}:
        begun = world.begin(key, b"bytes")
        assert (begun.ticket, begun.reason) == (None, "key-invalid")
    assert world.objects() == {}


@pytest.mark.parametrize(("data", "problems"), [(b"", []), (b"x", [Problem("", "key-invalid")])])
def test_an_object_at_the_prefix_itself(
    world: BucketWorld, data: bytes, problems: list[Problem]
) -> None:
    """AWS's console makes an empty one for a folder; one with content has no key below it."""
    if world.standin.name == "seaweedfs":
        problems = []  # It keeps no content at a key that ends in a slash.
    world.place("", data)
    world.place("a", b"a")
    figures = scan(world.index, world.store)
    assert (figures.added, figures.problems) == (1, problems)


def test_records_of_another_store_are_counted(world: BucketWorld) -> None:
    """A store below a prefix of this one has a marker, which is no content."""
    world.place("below/.onecopy/store.json", b"marker")
    figures = scan(world.index, world.store)
    assert figures.skipped == [Problem("below/.onecopy/store.json", "reserved")]
    assert (figures.added, figures.problems) == (0, [])


def test_an_object_that_is_forbidden_spoils_no_other(
    world: BucketWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named and stays recorded."""
    for key in ("a", "b", "c"):
        world.place(key, key.encode())
    scan(world.index, world.store)
    world.place("d", b"d")
    head = world.store._heads.head

    def refuse(key: str) -> Head | None:
        if key.endswith("/b"):
            raise Forbidden("the bucket answered 403")
        return head(key)

    monkeypatch.setattr(world.store._heads, "head", refuse)
    figures = scan(world.index, world.store)
    assert (figures.known, figures.added, figures.forgotten) == (2, 1, 0)
    assert figures.problems == [Problem("b", "store-forbidden")]
    assert set(world.recorded()) == {"a", "b", "c", "d"}


@pytest.mark.parametrize("deleted", [False, True])
def test_a_name_that_leads_to_no_object(
    world: BucketWorld, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    """A service may list other names than it finds; what was deleted since is no problem."""
    world.place("a", b"a")
    world.place("b", b"b")
    head = world.store._heads.head

    def miss(key: str) -> Head | None:
        if not key.endswith("/b"):
            return head(key)
        if deleted:
            world.remove("b")
        return None

    monkeypatch.setattr(world.store._heads, "head", miss)
    figures = scan(world.index, world.store)
    assert figures.added == 1
    assert figures.problems == ([] if deleted else [Problem("b", "key-changed")])
