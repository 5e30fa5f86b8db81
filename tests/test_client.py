"""Client: the service seen as a Gate, over a real server in a process of its own."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from onecopy import client as api
from onecopy.client import Client
from onecopy.content import Content, Listed, Verdict
from onecopy.digest import LARGEST_CONTENT, SHA256, Digest, content_scheme, part_lengths
from onecopy.errors import (
    BadInput,
    Failure,
    InvalidSettings,
    InvalidTicket,
    NotAllowed,
    Unavailable,
    UploadUnknown,
    WrongBytes,
)
from onecopy.gate.interface import Answer, Config, Finish, Request, SmallFile
from onecopy.index import open_index
from onecopy.index.interface import Classified
from onecopy.retry import RetryPolicy
from onecopy.store.interface import Send
from onecopy.testing.index.complete import open_complete
from onecopy.tokens import create_token
from tests.conftest import Serve, Served
from tests.middleman import Fault, Middleman, answering, standing_between

FAST = RetryPolicy(attempts=4, first_delay=0.01, max_delay=0.05)


@pytest.fixture
def service(server: Serve) -> Served:
    """Start a service."""
    return server()


@pytest.fixture
def client(service: Served) -> Iterator[Client]:
    """Make a client of the service."""
    made = Client(service.url, policy=FAST)
    yield made
    made.close()


@pytest.fixture
def middleman(service: Served) -> Iterator[Middleman]:
    """Put a proxy before the service."""
    with standing_between(service.url) as proxy:
        yield proxy


@pytest.fixture
def shaky(middleman: Middleman) -> Iterator[Client]:
    """Make a client that reaches the service through the proxy only."""
    made = Client(middleman.url, policy=FAST)
    yield made
    made.close()


def digest(data: bytes) -> Digest:
    """Return the SHA-256 of a small content."""
    return Digest(SHA256, hashlib.sha256(data).digest())


def uploads(service: Served) -> Path:
    """Return where the folder store keeps what is on its way."""
    return service.folder / "files/.onecopy/uploads"


def upload(client: Client, key: str, data: bytes) -> Answer:
    """Upload a small content the plain way."""
    begun = client.begin([Request(key, len(data), digest(data))])[0]
    assert begun.ticket is not None
    assert begun.send is not None
    client.send(begun.ticket, begun.send, lambda: iter([data]), len(data))
    return client.complete([Finish(begun.ticket, (digest(data).value,))])[0]


def test_listed(client: Client, service: Served) -> None:
    """A listed content has no copy, as the gate returns it."""
    listed = Listed(digest(b"listed"), 6)
    index = open_complete(f"sqlite:{service.folder / 'index.sqlite'}")
    index.enlist([("default", listed)])
    index.close()
    assert client.probe([6, 7]) == [{SHA256}, frozenset()]
    answer = Answer(Verdict.UNCONFIRMED, reason="listed")
    assert client.check([Content(6, (listed.digest,))]) == [answer]
    assert client.begin([Request("a", 6, listed.digest)]) == [answer]


def test_an_upload_goes_all_the_way(client: Client, service: Served) -> None:
    """An uploaded file is in the store, and is found by size and digest with its URL."""
    stored = upload(client, "a/b.txt", b"hello")
    assert stored.verdict is Verdict.NEW
    assert stored.copy is not None
    assert (service.folder / "files/a/b.txt").read_bytes() == b"hello"
    assert client.probe([5, 6]) == [{SHA256}, frozenset()]
    found, other = client.check([Content(5, (digest(b"hello"),)), Content(5, (digest(b"olleh"),))])
    assert (found.verdict, other.verdict) == (Verdict.DUPLICATE, Verdict.NEW)
    assert found.copy is not None
    assert (found.copy.key, found.copy.size) == ("a/b.txt", 5)
    assert found.copy.stored_at == stored.copy.stored_at
    assert abs(found.copy.recorded_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert client.url(found.copy) is None  # it is a path on the machine of the service


def test_a_copy_has_its_storage_class(client: Client, service: Served) -> None:
    """As the index has it; that of nearly all copies is not sent."""
    stored = upload(client, "a", b"hello").copy
    assert stored is not None
    assert stored.storage_class == "STANDARD"
    index = open_index(f"sqlite:{service.folder / 'index.sqlite'}")
    assert isinstance(index, Classified)
    [(_, copy)] = index.copies()
    assert index.classify("default", [copy._replace(storage_class="GLACIER_IR")]) == [True]
    index.close()
    [found] = client.check([Content(5, (digest(b"hello"),))])
    assert found.copy is not None
    assert (found.verdict, found.copy.storage_class) == (Verdict.DUPLICATE, "GLACIER_IR")


def test_a_batch_goes_in_one_request(client: Client, service: Served) -> None:
    """Small files are sent together; one that is refused spoils no other."""
    contents = {"batch/a": b"first", "batch/b": b"second", "batch/empty": b""}
    begun = client.begin([Request(key, len(data), digest(data)) for key, data in contents.items()])
    files = [
        SmallFile(answer.ticket or "", len(data), partial(iter, [data]))
        for answer, data in zip(begun, contents.values(), strict=True)
    ]
    files[1] = files[1]._replace(body=lambda: iter([b"sec", b"OND"]))
    answers = client.send_batch(files)
    assert [answer.reason for answer in answers] == [None, "digest-mismatch", None]
    assert (service.folder / "files/batch/a").read_bytes() == b"first"
    assert not (service.folder / "files/batch/b").exists()
    assert client.send_batch([]) == []


def test_a_large_upload_goes_in_parts_and_can_be_looked_at(client: Client, service: Served) -> None:
    """Parts are requested, sent, listed by `status`, and form the content digest."""
    data = bytes(range(256)) * 40_000
    first, second = part_lengths(len(data))
    parts = [data[:first], data[first:]]
    sums = tuple(hashlib.sha256(part).digest() for part in parts)
    ticket = client.begin([Request("large", len(data))])[0].ticket
    assert ticket is not None
    sends = client.parts(ticket, [(1, sums[0]), (2, sums[1])])
    client.send(ticket, sends[1], lambda: iter([parts[1]]), second)
    status = client.status(ticket)
    assert [(part.number, part.size, part.sha256) for part in status.parts] == [
        (2, second, sums[1])
    ]
    client.send(status.ticket, sends[0], lambda: iter([parts[0][:100], parts[0][100:]]), first)
    answer = client.complete([Finish(status.ticket, sums)])[0]
    assert answer.copy is not None
    composite = Digest(content_scheme(len(data)), hashlib.sha256(b"".join(sums)).digest())
    assert client.check([Content(len(data), (composite,))])[0].copy == answer.copy
    assert (service.folder / "files/large").read_bytes() == data


def test_config_tells_limits_and_price(client: Client) -> None:
    """The client returns the configuration of the service."""
    config = client.config()
    assert (config.store_kind, config.price) == ("folder", 0.023)
    assert (config.limits.sizes, config.limits.files) == (10_000, 1_000)


def test_lists_of_any_length_are_cut(client: Client) -> None:
    """More than one request may hold is answered all the same, in order."""
    upload(client, "seven", b"1234567")
    sizes = [*range(1, 25_000), 7]
    answers = client.probe(sizes)
    known = [size for size, schemes in zip(sizes, answers, strict=True) if schemes]
    assert known == [7, 7]
    contents = [Content(7, (digest(b"%07d" % number),)) for number in range(2_500)]
    contents[2_100] = Content(7, (digest(b"1234567"),))
    verdicts = [answer.verdict for answer in client.check(contents)]
    assert verdicts.index(Verdict.DUPLICATE) == 2_100
    assert len(verdicts) == 2_500


def test_many_begin_and_are_given_up(client: Client, service: Served) -> None:
    """Begin and abort are cut into several requests too, and leave nothing behind."""
    requests = [Request(f"k{number}", 3, digest(b"%03d" % number)) for number in range(1_001)]
    tickets = [answer.ticket for answer in client.begin(requests)]
    assert len(set(tickets)) == 1_001
    assert None not in tickets
    client.abort([ticket for ticket in tickets if ticket])
    assert not list(uploads(service).iterdir())


def test_errors_keep_their_class_and_reason(client: Client) -> None:
    """What the service refuses is raised as what a local gate would raise."""
    with pytest.raises(InvalidTicket) as raised:
        client.status("nonsense")
    assert raised.value.reason == "ticket-invalid"
    begun = client.begin([Request("k", 3, digest(b"abc"))])[0]
    assert begun.ticket is not None
    assert begun.send is not None
    with pytest.raises(WrongBytes):
        client.send(begun.ticket, begun.send, lambda: iter([b"abd"]), 3)
    client.abort([begun.ticket])
    with pytest.raises(UploadUnknown):
        client.send(begun.ticket, begun.send, lambda: iter([b"abc"]), 3)
    with pytest.raises(BadInput):
        client.begin([Request("k", 3, digest(b"abc"))], idempotency_key="two words")


def test_a_key_that_is_not_utf_8(client: Client) -> None:
    """JSON can't hold it: it alone is refused, as by a local gate."""
    requests = [Request(key, 3, digest(key[:3].encode())) for key in ("ok1", "caf\udce9", "ok2")]
    first, bad, last = client.begin(requests)
    assert (bad.verdict, bad.reason) == (Verdict.UNCONFIRMED, "key-invalid")
    assert "not UTF-8" in (bad.message or "")
    assert first.ticket
    assert last.ticket
    assert client.begin([requests[1]]) == [bad]


def test_a_file_larger_than_any_object(client: Client) -> None:
    """No content has its size, and other sizes are probed as usual; it can't be uploaded."""
    huge = LARGEST_CONTENT + 1
    assert client.probe([huge, 3]) == [frozenset(), frozenset()]
    [answer] = client.begin([Request("huge", huge)])
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "size-invalid")


def test_a_bad_file_does_not_spoil_the_others(client: Client) -> None:
    """An invalid key is refused without affecting other files, with a message."""
    bad, good = client.begin([Request("../x", 3, digest(b"abc")), Request("x", 3, digest(b"abd"))])
    assert (bad.verdict, bad.reason) == (Verdict.UNCONFIRMED, "key-invalid")
    assert bad.message
    assert good.ticket
    too_many = tuple(Digest(SHA256, bytes([number]) * 32) for number in range(9))
    contents = [Content(-1, ()), Content(1, too_many), Content(3, (digest(b"abe"),))]
    negative, many, good = client.check(contents)
    assert (negative.reason, negative.message) == (
        "size-invalid",
        "invalid size -1: expected `int` >= 0",
    )
    assert (many.verdict, many.reason) == (Verdict.UNCONFIRMED, "limit-exceeded")
    assert good.verdict is Verdict.NEW


def test_a_token_is_needed_and_sent(server: Serve, tmp_path: Path) -> None:
    """Once there is a token, calls without one are NotAllowed, and calls with it work."""
    index = open_complete(f"sqlite:{tmp_path / 'index.sqlite'}")
    _, secret = create_token(index, scopes=["check"])
    index.close()
    url = server().url
    with closing(Client(url, policy=FAST)) as stranger, pytest.raises(NotAllowed):
        stranger.probe([1])
    client = Client(url, secret, policy=FAST)
    assert client.probe([1]) == [frozenset()]
    with pytest.raises(NotAllowed, match="scope"):
        client.begin([Request("k", 3, digest(b"abc"))])
    client.close()


def test_a_server_that_is_not_there_is_named() -> None:
    """If no server listens, Unavailable names the address and the reason in one line."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port}.*refused"):
        Client(f"http://127.0.0.1:{port}", policy=FAST).probe([1])


def test_a_name_that_does_not_resolve_is_named() -> None:
    """An unknown host is Unavailable too, in words that a person understands."""
    with pytest.raises(Unavailable, match=r"no-such-host\.invalid"):
        Client("http://no-such-host.invalid", policy=RetryPolicy(attempts=1)).probe([1])


@pytest.mark.parametrize("url", ["ftp://x", "localhost:8000", "http://", "http://user:pw@host", ""])
def test_what_is_no_server_is_refused(url: str) -> None:
    """A URL must be http or https with a host, and holds no password."""
    with pytest.raises(InvalidSettings):
        Client(url)


def test_another_kind_of_server_is_recognised() -> None:
    """A server that answers something else is a clear failure, not a crash."""
    with (
        answering(200, {"Content-Type": "text/html"}, b"<html>hi</html>") as other,
        closing(Client(other.url, policy=FAST)) as client,
        pytest.raises(Failure, match="is not the API of onecopy"),
    ):
        client.config()


def test_a_part_that_something_else_took() -> None:
    """A page in between says 200 to everything: that is noticed at once, not at completion."""
    page = answering(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")
    with page as other, closing(Client(other.url, policy=FAST)) as client:
        for url in ("/v1/uploads/parts/1", f"{other.url}/object"):
            with pytest.raises(Failure, match="20 bytes of type text/html") as caught:
                client.send("t", Send(1, "PUT", url, {}), lambda: iter([b"x"]), 1)
            assert type(caught.value) is Failure
    assert len(other.seen) == 2


def test_redirects_are_not_followed() -> None:
    """A redirect is an error that explains itself: the token is not sent elsewhere."""
    with (
        answering(200, {}, b"{}") as elsewhere,
        answering(307, {"Location": elsewhere.url + "/v1/config"}, b"") as first,
        closing(Client(first.url, "secret", policy=FAST)) as client,
    ):
        with pytest.raises(BadInput, match=r"a redirect to .*, which is not followed"):
            client.config()
        assert elsewhere.seen == []


def test_the_token_is_for_its_own_server() -> None:
    """A presigned request to another host carries its own headers and no token."""
    with (
        answering(200, {"ETag": '"1"'}, b"") as bucket,
        closing(Client("http://127.0.0.1:1", "secret")) as client,
    ):
        send = Send(1, "PUT", bucket.url + "/object?X-Amz-Signature=1", {"x-amz-test": "1"})
        client.send("ticket", send, lambda: iter([b"ab", b"c"]), 3)
    method, path, headers = bucket.seen[0]
    assert (method, path) == ("PUT", "/object?X-Amz-Signature=1")
    assert headers["x-amz-test"] == "1"
    assert headers["Content-Length"] == "3"
    assert "Transfer-Encoding" not in headers
    assert "Authorization" not in headers


def test_s3_errors_are_told_in_its_words() -> None:
    """What S3 answers as XML reaches the person."""
    body = b"<Error><Code>BadDigest</Code><Message>The digest did not match.</Message></Error>"
    with (
        answering(400, {"Content-Type": "application/xml"}, body) as bucket,
        closing(Client("http://127.0.0.1:1", policy=FAST)) as client,
        pytest.raises(BadInput, match="The digest did not match"),
    ):
        client.send("t", Send(1, "PUT", bucket.url, {}), lambda: iter([b"x"]), 1)
    assert len(bucket.seen) == 1


def test_a_silent_service(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A call fails after two attempts, whose time depends on it, and the retry is logged."""
    monkeypatch.setattr(api, "_ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(api, "_STORING_SECONDS", 0.2)
    monkeypatch.setattr(api, "_UNNOTICED_SECONDS", 0.1)
    policy = RetryPolicy(first_delay=0)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:  # it accepts, and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with closing(Client(url, policy=policy)) as client:
            client.__dict__["_config"] = (Config("folder"), 1000)
            with pytest.raises(Unavailable, match=r"for 0\.1 seconds"):
                client.probe([1])
            with pytest.raises(Unavailable, match=r"for 0\.2 seconds"):
                client.complete([Finish("ticket")])
    warned = [record.getMessage() for record in caplog.records]
    assert len(warned) == 2
    assert all(url in each and each.endswith("; trying again") for each in warned), warned


def test_a_busy_service_is_asked_again(shaky: Client, middleman: Middleman) -> None:
    """503 is retried, and the answer is as if nothing had been."""
    shaky.config()
    middleman.break_next("/v1/probe", "busy", times=3)
    assert shaky.probe([1]) == [frozenset()]
    assert middleman.paths().count("/v1/probe") == 4


def test_a_service_that_stays_busy_is_given_up(shaky: Client, middleman: Middleman) -> None:
    """After the last attempt it raises Unavailable."""
    shaky.config()
    middleman.break_next("/v1/probe", "busy", times=4)
    with pytest.raises(Unavailable):
        shaky.probe([1])


def test_a_lost_answer_to_begin_begins_nothing_twice(
    shaky: Client, middleman: Middleman, service: Served
) -> None:
    """The retry carries the same Idempotency-Key, so that one upload is begun."""
    shaky.config()
    middleman.break_next("/v1/uploads", "lose-answer")
    begun = shaky.begin([Request("k", 3, digest(b"abc"))])[0]
    assert begun.ticket
    keys = {
        headers["Idempotency-Key"] for _, path, headers in middleman.seen if path == "/v1/uploads"
    }
    assert len(keys) == 1
    assert middleman.paths().count("/v1/uploads") == 2
    staged = {path.name.split(".")[0] for path in uploads(service).iterdir()}
    assert len(staged) == 1


@pytest.mark.parametrize("fault", ["cut-request", "lose-answer", "busy"])
def test_a_body_is_sent_again_from_its_start(
    shaky: Client, middleman: Middleman, fault: Fault
) -> None:
    """However sending fails, the retry sends the whole body."""
    data = b"0123456789" * 1000
    begun = shaky.begin([Request("k", len(data), digest(data))])[0]
    assert begun.ticket is not None
    assert begun.send is not None
    middleman.break_next("/v1/uploads/parts/1", fault)
    pieces = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    shaky.send(begun.ticket, begun.send, lambda: iter(pieces), len(data))
    assert middleman.paths().count("/v1/uploads/parts/1") == 2
    answer = shaky.complete([Finish(begun.ticket)])[0]
    assert answer.copy is not None


def test_a_lost_answer_to_complete_is_found_again(shaky: Client, middleman: Middleman) -> None:
    """Completing again after a lost answer gives the copy that was stored."""
    data = b"abc"
    begun = shaky.begin([Request("k", 3, digest(data))])[0]
    assert begun.ticket is not None
    assert begun.send is not None
    shaky.send(begun.ticket, begun.send, lambda: iter([data]), 3)
    middleman.break_next("/v1/uploads/complete", "lose-answer")
    answer = shaky.complete([Finish(begun.ticket, (digest(data).value,))])[0]
    assert answer.verdict is Verdict.NEW
    assert answer.copy is not None
    assert answer.copy.key == "k"
    assert middleman.paths().count("/v1/uploads/complete") == 2
