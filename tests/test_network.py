"""Proxies and CA certificates: the environment's, for servers and buckets alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onecopy.aws.client import network_of, session_of
from onecopy.errors import Failure, Forbidden, InvalidSettings, Unavailable
from onecopy.httpclient import HttpClient
from onecopy.index import open_index
from onecopy.network import CA_VARIABLES, CaFile, read_network
from onecopy.proxies import Proxy
from onecopy.store import open_store
from onecopy.store.s3.store import S3Store
from tests.certificates import certify, serving_with
from tests.middleman import Middleman, answering
from tests.proxy import proxying

BODY = b"hello"
HEADERS = {"ETag": '"e"', "Last-Modified": "Sun, 29 Nov 2026 00:00:00 GMT"}
"""Those of an object, so that it can be looked at."""
VARIABLES = [*CA_VARIABLES, "AWS_PROFILE", "AWS_CONFIG_FILE"]
VARIABLES += [
    name for each in ("http_proxy", "https_proxy", "no_proxy") for name in (each, each.upper())
]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without the variables of the user who runs the tests."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def server() -> Iterator[Middleman]:
    """Run a server that answers everything alike."""
    with answering(200, HEADERS, BODY) as middleman:
        yield middleman


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the certificate of a private CA, for files.test."""
    return certify(tmp_path_factory.mktemp("ca"), "files.test")


@pytest.fixture
def secure(certificate: Path) -> Iterator[Middleman]:
    """Run a server with TLS whose certificate no system trusts."""
    with answering(200, HEADERS, BODY, tls=serving_with(certificate)) as middleman:
        yield middleman


def get(url: str) -> bytes:
    """Return the body of a response."""
    with HttpClient(timeout=5) as http:
        return bytes(http.request("GET", url, {}).data)


def bucket(url: str) -> S3Store:
    """Return the bucket `photos` at an endpoint."""
    store = open_store(f"s3://photos?endpoint={url}&region=r")
    assert isinstance(store, S3Store)
    return store


# Where requests go


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
def test_plain_http_goes_through_the_proxy(
    name: str, server: Middleman, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy receives the whole URL, on each request, and the server its path."""
    with proxying(server.url) as proxy:
        monkeypatch.setenv(name, proxy.url)
        assert get("http://files.test/a?b=c") == BODY
    assert proxy.requests == ["GET http://files.test/a?b=c HTTP/1.1"]
    assert server.paths() == ["/a?b=c"]
    assert server.seen[0][2]["Host"] == "files.test"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_tls_goes_through_a_tunnel(
    name: str, secure: Middleman, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy sees the server's name only; a tunnel is used again."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with proxying(secure.url) as proxy:
        monkeypatch.setenv(name, proxy.url)
        with HttpClient(timeout=5) as http:
            assert http.request("GET", "https://files.test/a", {}).data == BODY
            assert http.request("GET", "https://files.test/b", {}).data == BODY
    assert proxy.requests == ["CONNECT files.test:443 HTTP/1.1"]
    assert secure.paths() == ["/a", "/b"]


def test_a_password_is_sent_to_the_proxy_only(
    server: Middleman, secure: Middleman, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name and password in the proxy's URL are decoded, and no server sees them."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    for variable, target, url in (
        ("HTTP_PROXY", server, "http://files.test/"),
        ("HTTPS_PROXY", secure, "https://files.test/"),
    ):
        with proxying(target.url, closed=True) as proxy:
            monkeypatch.setenv(variable, proxy.with_password)
            assert get(url) == BODY
        assert "Proxy-Authorization" not in target.seen[0][2]


def test_a_bucket_is_reached_as_botocore_reaches_it(
    server: Middleman, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both clients of a store go through the proxy, with its password."""
    with proxying(server.url, closed=True) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.with_password)
        store = bucket("http://files.test")
        store.client.head_bucket(Bucket="photos")
        store.look(["a"])
        store.close()
    assert proxy.requests == [
        "HEAD http://files.test/photos HTTP/1.1",
        "HEAD http://files.test/photos/a HTTP/1.1",
    ]


NO_PROXY = [
    ("files.test", True),
    ("other.test, files.test", True),
    (".files.test", True),
    ("test", True),
    (".test", True),
    ("FILES.TEST", True),
    ("files.test:8080", True),
    ("files.test:80", False),
    ("les.test", False),
    ("*", True),
    ("", False),
]


@pytest.mark.parametrize(("value", "is_direct"), NO_PROXY)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy(
    name: str,
    value: str,
    is_direct: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names, suffixes and `*` are reached directly, by botocore's rules."""
    from botocore.utils import get_environ_proxies

    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:1")
    monkeypatch.setenv(name, value)
    url = "http://files.test:8080/x"
    assert (read_network().proxy(url) is None) is is_direct
    assert (not get_environ_proxies(url)) is is_direct


@pytest.mark.parametrize(("value", "is_direct"), [("127.0.0.1", True), ("127.0.0.2", False)])
def test_no_proxy_with_an_address(
    value: str,
    is_direct: bool,
    server: Middleman,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An IP address counts as it is written, for botocore's requests and ours."""
    with proxying(server.url) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", value)
        assert get(server.url) == BODY
        bucket(server.url).client.head_bucket(Bucket="photos")
    assert len(proxy.requests) == (0 if is_direct else 2)


@pytest.mark.parametrize(
    "text", ["proxy.test:3128", "//proxy.test:3128", "http://proxy.test:3128/"]
)
def test_forms_of_a_proxy(text: str) -> None:
    """A scheme and a path may be left out, as for botocore."""
    assert str(Proxy.parse(text, "HTTP_PROXY")) == "http://proxy.test:3128"


def test_a_lower_case_variable_counts_first() -> None:
    """As everywhere; an empty one switches the proxy off."""
    upper = {"HTTP_PROXY": "http://upper:1"}
    assert str(read_network(upper).proxy("http://x")) == "http://upper:1"
    lower = {**upper, "http_proxy": "http://lower:2"}
    assert str(read_network(lower).proxy("http://x")) == "http://lower:2"
    assert read_network({**upper, "http_proxy": ""}).proxy("http://x") is None
    assert read_network(upper).proxy("https://x") is None


@pytest.mark.parametrize(
    "text",
    ["https://u:hush@p:1", "http://u:hush@[p", "socks5://u:hush@p", "http://u:hush@p:x", "http://"],
)
def test_a_proxy_that_we_cannot_use_is_refused(text: str) -> None:
    """The error names the variable, and not the password."""
    with pytest.raises(InvalidSettings, match="HTTPS_PROXY") as raised:
        read_network({"HTTPS_PROXY": text}).proxy("https://files.test")
    assert "hush" not in str(raised.value)


def test_a_refused_proxy_is_shown() -> None:
    """With its scheme, which is what is wrong with it."""
    with pytest.raises(InvalidSettings, match="can't use the proxy 'socks5://p:1' in HTTP_PROXY"):
        Proxy.parse("socks5://u:hush@p:1", "HTTP_PROXY")
    assert repr(Proxy.parse("http://u:hush@p:1", "HTTP_PROXY")) == "http://p:1"


# What happens if a proxy fails


def failures(url: str) -> list[Failure]:
    """Return how our client and botocore's fail."""
    store = bucket(url)
    with pytest.raises(Failure) as ours, HttpClient(timeout=5) as http:
        http.request("GET", url, {})
    with pytest.raises(Failure) as botocores:
        store.identify(create=False)
    store.close()
    return [ours.value, botocores.value]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_connections(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clients name the proxy without its password, the variable and the reason."""
    variable = f"{scheme.upper()}_PROXY"
    monkeypatch.setenv(variable, "http://ada:hush@127.0.0.1:1")
    for failure in failures(f"{scheme}://files.test"):
        assert type(failure) is Unavailable
        message = str(failure)
        assert "through the proxy http://127.0.0.1:1: Connection refused; " in message
        assert message.endswith(f"; {failure.fix}")
        assert f"check {variable}" in message
        assert "hush" not in message


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("user", "fix"), [("", "add its name"), ("ada:hush@", "correct its name")])
def test_a_proxy_that_needs_a_password(
    scheme: str, user: str, fix: str, server: Middleman, monkeypatch: pytest.MonkeyPatch
) -> None:
    """407 is no answer of the server: it is refused at once, with the fix."""
    variable = f"{scheme.upper()}_PROXY"
    with proxying(server.url, closed=True) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("://", f"://{user}"))
        found = failures(f"{scheme}://files.test")
    for failure in found:
        assert type(failure) is Forbidden
        assert f"the proxy {proxy.url}: it answered 407" in str(failure)
        assert f"; {fix} and password in {variable}" in str(failure)
        assert "hush" not in str(failure)
    assert server.seen == []


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Forbidden, "it answered 403 Forbidden"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Unavailable, "it answered 502 Bad Gateway"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Unavailable, "its answer is not HTTP"),
    ],
)
def test_a_proxy_that_opens_no_tunnel(
    answer: bytes, kind: type[Failure], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what the proxy answered."""
    with proxying("", answer=answer) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(kind, match=reason):
            get("https://files.test")


def test_a_proxy_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timeout names the proxy."""
    import socket

    monkeypatch.setattr("onecopy.httpclient._CONNECT_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", url.replace("://", "://ada:hush@"))
        with pytest.raises(Unavailable, match=f"proxy {url}: it did not answer in time") as raised:
            get("https://files.test")
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_table_behind_a_proxy(
    scheme: str, server: Middleman, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The errors of an index name the proxy in the same words."""
    with proxying(server.url, closed=True) as proxy:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", proxy.url)
        with pytest.raises(Forbidden, match=r"can't reach DynamoDB through the proxy .* 407"):
            open_index(f"dynamodb://table?endpoint={scheme}://files.test")


# CA certificates


@pytest.mark.parametrize("name", CA_VARIABLES)
def test_each_variable_names_a_private_ca(
    name: str, secure: Middleman, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both clients trust it, whichever variable names it."""
    monkeypatch.setenv(name, str(certificate))
    store = bucket(secure.url)
    store.client.head_bucket(Bucket="photos")
    store.look(["a"])
    store.close()
    assert get(secure.url) == BODY
    assert len(secure.seen) == 3


def test_the_ca_of_a_profile(
    secure: Middleman, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ca_bundle in the AWS configuration counts for our requests to a bucket, too."""
    config = tmp_path / "config"
    config.write_text(f"[default]\nca_bundle = {certificate}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other"))
    store = bucket(secure.url)
    store.client.head_bucket(Bucket="photos")
    store.look(["a"])
    store.close()
    assert len(secure.seen) == 2


def test_the_order_of_the_variables() -> None:
    """AWS_CA_BUNDLE first, SSL_CERT_FILE last; an empty one does not count."""
    environment = dict.fromkeys(CA_VARIABLES, "/ca")
    for name in CA_VARIABLES:
        assert read_network(environment).ca == CaFile("/ca", name)
        environment[name] = ""
    assert read_network(environment).ca is None


def test_an_empty_variable_leaves_botocores_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore itself would refuse an empty path."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "")
    assert not network_of(session_of()).ca


@pytest.mark.parametrize(
    ("text", "reason"), [(None, "No such file"), ("no certificate", "no certificate in PEM")]
)
def test_a_file_without_certificates(
    text: str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both clients name the file and the variable."""
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    for act in (lambda: get("https://127.0.0.1:1"), session_of):
        with pytest.raises(InvalidSettings, match=reason) as raised:
            act()
        assert f"{file} (REQUESTS_CA_BUNDLE)" in str(raised.value)


def test_an_unknown_ca(
    secure: Middleman, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of both clients names the variable to set, or the file to extend."""
    for failure in failures(secure.url):
        assert "set AWS_CA_BUNDLE to the CA's PEM file" in str(failure)
    other = certify(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    for failure in failures(secure.url):
        assert f"add the certificate of its CA to {other} (SSL_CERT_FILE)" in str(failure)


def test_another_certificate_error_is_no_matter_of_the_ca(
    secure: Middleman, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate for another name is not fixed by a CA."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    for failure in failures(secure.url.replace("127.0.0.1", "localhost")):
        assert "certificate verify failed" in str(failure)
        assert failure.fix is None
