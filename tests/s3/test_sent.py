"""Small files that were just sent: what their PUTs and one listing state, without a HeadObject."""

import logging
from collections.abc import Sequence
from hashlib import md5
from urllib.parse import parse_qs, urlsplit

import pytest

from onecopy.gate.interface import Request
from onecopy.httpclient import Response
from onecopy.store.interface import KeyTaken, Object, Send, Upload
from onecopy.store.s3 import listed_times, sent
from onecopy.store.s3.head_object import CHECKSUM
from onecopy.store.s3.list_objects import ListClient
from onecopy.store.s3.listed_times import ListedTimes
from onecopy.store.s3.sent import SentObjects
from onecopy.store.s3.uploads import Uploads
from tests.gate.bucket import BucketWorld
from tests.gate.world import content_digest
from tests.s3.scripted import ADDRESS, HEAD, Answers, Heads, connection, signer
from tests.standins import Standin

KEYS = [f"p/d/{number:02}" for number in range(20)]
UNTIMED = HEAD._replace(modified=0)


def page(*keys: str, etag: str = HEAD.etag) -> Response:
    """Return a page of a listing."""
    objects = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2023-11-14T22:13:20.000Z</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><Size>5</Size></Contents>"
        for key in keys
    )
    return Response(200, {}, f"<ListBucketResult>{objects}</ListBucketResult>".encode())


def sent_objects(*answers: Response, keys: Sequence[str] = KEYS) -> tuple[SentObjects, Answers]:
    """Return the heads of objects that were sent, and the requests that list them."""
    http = Answers(*answers)
    objects = SentObjects(ListedTimes(ListClient(signer(), http)))
    for key in keys:
        objects.add(key, UNTIMED)
    return objects, http


def test_one_page_for_many() -> None:
    """The times of all objects in a folder come from one request; each is returned once."""
    objects, http = sent_objects(page("p/d/other", *KEYS), keys=[*KEYS, "p/e/other"])
    assert objects.take(KEYS) == [HEAD] * 20
    assert objects.take(KEYS) == [None] * 20
    [(_, url, _, _)] = http.requests
    assert "prefix=p%2Fd%2F" in url
    assert "max-keys=240" in url


def test_where_a_page_begins() -> None:
    """Just before the first of the objects, and it has none of the folders below."""
    objects, http = sent_objects(page(*KEYS))
    assert objects.take(KEYS) == [HEAD] * 20
    [(_, url, _, _)] = http.requests
    query = parse_qs(urlsplit(url).query)
    assert query["delimiter"] == ["/"]
    [after] = query["start-after"]
    assert "p/d/" < after < KEYS[0]


@pytest.mark.parametrize(("number", "limit"), [(16, ["232"]), (399, ["998"]), (401, None)])
def test_how_long_a_page_is(number: int, limit: list[str] | None) -> None:
    """It has room for others beside these, as far as a page can have: 1,000 need not be asked."""
    keys = [f"p/d/{each:03}" for each in range(number)]
    objects, http = sent_objects(page(*keys), keys=keys)
    assert objects.take(keys) == [HEAD] * number
    [(_, url, _, _)] = http.requests
    assert parse_qs(urlsplit(url).query).get("max-keys") == limit


def test_one_page_for_each_folder() -> None:
    """Objects in folders below, which are between these, do not split a folder."""
    below = [f"p/d/10/{number}" for number in range(20, 40)]
    objects, http = sent_objects(page(*KEYS), page(*below), keys=[*below, *KEYS])
    assert objects.take([*below, *KEYS]) == [HEAD] * 40
    asked = [parse_qs(urlsplit(url).query)["prefix"] for _, url, _, _ in http.requests]
    assert asked == [["p/d/"], ["p/d/10/"]]


def test_few_are_looked_at() -> None:
    """A listing costs as much as a dozen HeadObject requests."""
    objects, http = sent_objects(page(*KEYS), keys=[*KEYS[:15], "p/e/other"])
    assert objects.take([*KEYS[:15], "p/e/other"]) == [None] * 16
    assert not http.requests


@pytest.mark.parametrize(
    "answer",
    [page(), page(*KEYS, etag="0" * 32), Response(403, {}, b""), Response(200, {}, b"no listing")],
    ids=["gone", "changed", "refused", "no listing"],
)
def test_what_is_not_listed_is_looked_at(answer: Response) -> None:
    """An object that is gone or was replaced, or if the bucket may not be listed; asked once."""
    objects, http = sent_objects(answer)
    assert objects.take(KEYS) == [None] * 20
    assert len(http.requests) == 1


def test_why_nothing_is_listed(caplog: pytest.LogCaptureFixture) -> None:
    """The log says it, since it makes uploads slower."""
    caplog.set_level(logging.DEBUG, "onecopy.s3")
    objects, _ = sent_objects(Response(403, {}, b""))
    objects.take(KEYS)
    assert "the times of objects cannot be listed: the bucket" in caplog.text
    assert "403" in caplog.text


def test_uploads_that_are_never_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    """They leave no more than a number of heads behind: the oldest are dropped."""
    monkeypatch.setattr(sent, "_MOST_KEPT", 16)
    objects, _ = sent_objects(page(*KEYS))
    assert objects.take(KEYS) == [None] * 4 + [HEAD] * 16


CREATED = Response(200, {"etag": f'"{HEAD.etag}"', CHECKSUM: "c2hh", "x-amz-version-id": "v"}, b"")


@pytest.mark.parametrize(
    ("response", "is_known"),
    [
        (CREATED, True),
        (CREATED._replace(status=412), False),
        (CREATED._replace(headers={"etag": HEAD.etag}), False),
        (CREATED._replace(headers={**CREATED.headers, CHECKSUM: "b3RoZXI="}), False),
        (CREATED._replace(headers={CHECKSUM: "c2hh"}), False),
    ],
    ids=["created", "taken", "no checksum", "another checksum", "no ETag"],
)
def test_which_answers_suffice(
    monkeypatch: pytest.MonkeyPatch, response: Response, *, is_known: bool
) -> None:
    """The one that states the SHA-256 that was sent; otherwise the object is looked at."""
    monkeypatch.setattr(listed_times, "_FEWEST", 1)
    upload = Upload("ab" * 16, "a ü+%", 5, metadata=(("name", "value"),))
    heads = Heads()
    uploads = Uploads(
        ADDRESS,
        connection(),
        signer(),
        heads,
        SentObjects(ListedTimes(ListClient(signer(), Answers(page("p/a ü+%"))))),
    )
    send = Send(
        1,
        "PUT",
        signer().sign("PUT", "p/a ü+%", {}, {}, 9),
        {CHECKSUM: "c2hh", "x-amz-meta-onecopy-upload": upload.id, "x-amz-meta-name": "value"},
    )
    uploads.note(send, response, 5)
    known = HEAD._replace(
        checksum="c2hh", version="v", metadata={"onecopy-upload": upload.id, "name": "value"}
    )
    assert uploads.sent([upload]) == [known if is_known else None]


@pytest.mark.parametrize("stated", [{"etag": f'"{HEAD.etag}"', CHECKSUM: "c2hh"}, {"etag": "x"}])
def test_copies(monkeypatch: pytest.MonkeyPatch, stated: dict[str, str]) -> None:
    """One page suffices if CopyObject states the checksum; else each copy is looked at, once."""
    monkeypatch.setattr(listed_times, "_FEWEST", 1)
    upload = Upload("ab" * 16, "a", 5)
    known = HEAD._replace(checksum="c2hh", metadata={"onecopy-upload": upload.id})
    is_listed = CHECKSUM in stated
    heads, http = Heads({} if is_listed else {"p/a": known}), Answers(page("p/a"))
    objects = SentObjects(ListedTimes(ListClient(signer(), http)))
    uploads = Uploads(ADDRESS, connection(), signer(), heads, objects)
    uploads.note_copy(upload, stated)
    heads.heads.clear()
    assert [uploads.sent([upload]) for _ in range(2)] == [[known], [None]]
    assert len(http.requests) == is_listed


@pytest.mark.parametrize("stated", [None, {"etag": "x"}], ids=["taken", "copied"])
@pytest.mark.parametrize("is_replaced", [True, False])
def test_copies_of_a_request_that_failed(
    stated: dict[str, str] | None, *, is_replaced: bool
) -> None:
    """What was known of a copy is dropped when it is made again: others may have replaced it."""
    upload = Upload("ab" * 16, "a", 5)
    heads = Heads({"p/a": HEAD._replace(metadata={"onecopy-upload": upload.id})})
    objects = SentObjects(ListedTimes(ListClient(signer(), Answers(page()))))
    uploads = Uploads(ADDRESS, connection(), signer(), heads, objects)
    assert uploads.note_copy(upload, {"etag": "x"})
    heads.heads = {"p/a": HEAD} if is_replaced else {}
    assert uploads.note_copy(upload, stated) is is_replaced
    assert uploads.sent([upload]) == [None]


def test_another_upload_to_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the object was removed and sent again by another upload, the first one is not stored."""
    monkeypatch.setattr(listed_times, "_FEWEST", 1)
    objects, _ = sent_objects(page("p/a"), keys=())
    objects.add("p/a", UNTIMED._replace(metadata={"onecopy-upload": "cd" * 16}))
    uploads = Uploads(ADDRESS, connection(), signer(), Heads({"p/a": HEAD}), objects)
    upload = Upload("ab" * 16, "a", 5)
    assert uploads.sent([upload]) == [None]
    assert uploads.complete(upload, content_digest(b"bytes"), ()) == KeyTaken()


def test_the_recorded_identity_is_that_of_a_look(world: BucketWorld, standin: Standin) -> None:
    """Whether a listing stated the time, or HeadObjects, since ministack states no checksum."""
    gate, data = world.gate(), {f"d/ü {n}+&%": bytes([n]) * 9 for n in range(20)}
    requests = [Request(key, 9, content_digest(each)) for key, each in data.items()]
    begun = gate.begin(requests)
    finishes = [
        world.send(a.ticket or "", each, gate) for a, each in zip(begun, data.values(), strict=True)
    ]
    lists = world.store.list_requests
    done = gate.complete(finishes)
    assert world.store.list_requests - lists == (standin.name != "ministack")
    looks = world.store.look(list(data))
    for answer, seen, each in zip(done, looks, data.values(), strict=True):
        assert isinstance(seen, Object)
        assert answer.copy is not None
        assert answer.copy.identity == seen.identity
        assert answer.copy.stored_ms == seen.stored_ms
        assert answer.copy.content_digest == content_digest(each)
        assert md5(each).digest() in {digest.value for digest in answer.copy.digests}
