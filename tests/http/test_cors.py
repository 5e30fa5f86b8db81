"""Pages of other origins: which the service answers, and which it refuses."""

from collections.abc import Iterator, Mapping

import pytest

from onecopy.errors import InvalidSettings
from onecopy.http.app import ChecksumApi, Options, create_app
from onecopy.index import open_index
from onecopy.store import open_store
from tests.http.conftest import Answer, Service, starting

APP = "https://app.example"
OTHER = "https://other.example"
_CROSS = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start a service with tokens that names the origin of one page."""
    options = Options(
        page_origins=frozenset({APP}), checksum_api=ChecksumApi("https://old.example")
    )
    with starting(tmp_path_factory.mktemp("named")) as start:
        yield start(options, tokens_required=True)


@pytest.fixture(scope="module")
def token(named: Service) -> str:
    """Create a token for everything."""
    return named.token()


def preflight(service: Service, origin: str, method: str, path: str) -> Answer:
    """Ask as a browser does before a request with a token."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,onecopy-ticket",
        **_CROSS,
    }
    return service.ask("OPTIONS", path, headers=headers)


def cors(answer: Answer) -> dict[str, str]:
    """Return the headers that let a page of another origin read a response."""
    return {
        name.lower(): value
        for name, value in answer.headers.items()
        if name.lower().startswith("access-control-")
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/check"), ("PUT", "/v1/uploads/parts/1"), ("GET", "/v1/copies/a/link")],
)
def test_preflight_of_a_named_origin(named: Service, method: str, path: str) -> None:
    """It needs no token, allows what clients send, and is kept for an hour."""
    answer = preflight(named, APP, method, path)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == APP
    assert method in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "idempotency-key", "onecopy-ticket"} <= {*allowed}
    assert {"range", "x-amz-checksum-sha256"} <= {*allowed}
    assert answer.headers["access-control-max-age"] == "3600"
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


def test_responses_to_a_named_origin(named: Service, token: str) -> None:
    """Successes, errors and refusals can be read, with the headers that clients need."""
    for authorization, path, status in (
        (token, "/v1/config", 200),
        (token, "/v1/unknown", 404),
        ("onecopy_wrong", "/v1/config", 401),
    ):
        headers = {"Origin": APP, **_CROSS}
        answer = named.ask("GET", path, headers=headers, token=authorization)
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == APP
        exposed = answer.headers["access-control-expose-headers"]
        assert {"retry-after", "x-request-id"} <= {*exposed.split(", ")}


def test_parts_and_links(named: Service, token: str) -> None:
    """Bytes are sent to a folder, and read by a link, from the named origin."""
    content, headers = b"hello", {"Origin": APP, **_CROSS}
    begun = named.begin("a.txt", content, token=token)
    send = begun["send"]
    sent = named.ask(
        "PUT", send["url"], body=content, headers={**send["headers"], **headers}, token=token
    )
    assert (sent.status, cors(sent)["access-control-allow-origin"]) == (200, APP)
    named.ask(
        "POST", "/v1/uploads/complete", {"tickets": [{"ticket": begun["ticket"]}]}, token=token
    )
    link = named.ask("GET", "/v1/copies/a.txt/link", headers=headers, token=token).json["url"]
    read = named.ask("GET", link, headers={**headers, "Range": "bytes=1-2"})
    assert (read.status, read.body) == (206, b"el")
    assert "content-range" in cors(read)["access-control-expose-headers"]


@pytest.mark.parametrize("origin", [OTHER, "null", "http://app.example", "https://app.example:1"])
def test_another_origin(named: Service, token: str, origin: str) -> None:
    """It is not named in any response; a request that the browser marks as foreign is refused."""
    assert not cors(preflight(named, origin, "POST", "/v1/check"))
    unmarked = named.ask("GET", "/v1/config", headers={"Origin": origin}, token=token)
    assert (unmarked.status, cors(unmarked)) == (200, {})  # as behind a proxy with another name
    marked = named.ask("GET", "/v1/config", headers={"Origin": origin, **_CROSS}, token=token)
    assert (marked.status, marked.reason) == (403, "origin-not-allowed")


def test_only_below_v1(named: Service, token: str) -> None:
    """The named origin gets neither the metrics nor the checksum API of another one."""
    headers = {"Origin": APP, **_CROSS}
    assert named.ask("GET", "/metrics", headers=headers, token=token).status == 403
    assert named.ask("POST", "/", {"content": "0" * 32}, headers=headers).status == 403
    old = {"Origin": "https://old.example", **_CROSS}
    answer = named.ask("POST", "/", {"content": "0" * 32}, headers=old)
    assert (answer.status, answer.json) == (200, {"exists": 0})
    assert named.ask("POST", "/v1/check", {"files": []}, headers=old, token=token).status == 403


@pytest.mark.parametrize(
    ("site", "mode", "method", "status"),
    [
        ("same-origin", "cors", "GET", 200),
        ("none", "navigate", "GET", 200),
        ("cross-site", "navigate", "GET", 200),  # a link in a mail, or the way back from a sign-in
        ("cross-site", "no-cors", "GET", 403),  # an image or a script
        ("cross-site", "navigate", "POST", 403),  # a form
        ("same-site", "cors", "GET", 403),  # another port of this machine
    ],
)
def test_what_the_browser_says_of_a_page(
    plain: Service, site: str, mode: str, method: str, status: int
) -> None:
    """Without any named origin, only the user and the service's own page get answers."""
    headers: Mapping[str, str] = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
    assert plain.ask(method, "/v1/config", headers=headers).status == status


def test_a_named_origin_needs_tokens() -> None:
    """Otherwise everybody who opens the page could upload."""
    for origins, tokens, message in (
        ({APP}, False, "only with tokens.*onecopy token create"),
        ({f"{APP}/"}, True, "without a path"),
        ({"*"}, True, "invalid web origin"),
    ):
        with pytest.raises(InvalidSettings, match=message):
            create_app(
                open_index("memory:"),
                open_store("memory:"),
                secrets=[b"secret"],
                tokens_required=tokens,
                options=Options(page_origins=frozenset(origins)),
            )
