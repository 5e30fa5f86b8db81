"""URLs of back ends and servers."""

import pytest

from onecopy.errors import InvalidSettings
from onecopy.index import open_index
from onecopy.store import open_store
from onecopy.urls import check_endpoint, check_origin, options


def test_an_option_given_twice_is_named() -> None:
    """The message names the option, not only that there is one."""
    with pytest.raises(InvalidSettings, match="s3://b: region is given twice"):
        options("s3://b?region=a&profile=p&region=b", ["region", "profile"])


@pytest.mark.parametrize("url", ["http://host:99999", "http://[::1", "http://h:port"])
def test_an_impossible_server_is_refused(url: str) -> None:
    """A port or address that cannot be is an error of the URL, not a defect."""
    with pytest.raises(InvalidSettings, match="invalid endpoint"):
        check_endpoint("endpoint", url)


@pytest.mark.parametrize("port", ["99999", "port", "8333x"])
def test_an_impossible_port_is_named(port: str) -> None:
    """In plain words, not those of Python."""
    with pytest.raises(InvalidSettings, match="a port is a number from 0 to 65535"):
        check_endpoint("endpoint", f"http://host:{port}")


@pytest.mark.parametrize("url", ["s3://[x", "file://[x"])
def test_an_impossible_store_is_refused(url: str) -> None:
    """So it is in the URL of a store."""
    with pytest.raises(InvalidSettings, match="invalid URL"):
        open_store(url)


def test_an_impossible_table_is_refused() -> None:
    """And in that of an index; what may be a password is not shown."""
    with pytest.raises(InvalidSettings, match="invalid URL") as caught:
        open_index("dynamodb://user:secret@[x")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "origin", ["https://a.example", "http://localhost:8000", "https://[::1]:9"]
)
def test_origin(origin: str) -> None:
    """An origin is accepted as browsers send it."""
    assert check_origin(origin) == origin


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        ("foo", "expected https://host"),
        ("*", "expected https://host"),
        ("null", "expected https://host"),
        ("https://a.example/", "without a path"),
        ("https://A.example", "browsers send it as https://a.example"),
        ("https://a.example:443", "browsers send it as https://a.example"),
        ("https://a.example:99999", "a port is a number from 0 to 65535"),
    ],
)
def test_invalid_origin(origin: str, why: str) -> None:
    """What no browser sends as an origin would never match, and is refused with the reason."""
    with pytest.raises(InvalidSettings, match=why):
        check_origin(origin)


@pytest.mark.parametrize(
    "url",
    [
        "http://u:secret@host",
        "http://:secret@host",
        "http://u:secret/x@host",
        "http://u:secret#x@host",
        "http://u:secret?x@host",
        "http://host/?a=1",
        "http://host/#a",
        "host:80",
        "ftp://host",
        "http://host/my files",
        "http://host:80 ",
    ],
)
def test_no_endpoint(url: str) -> None:
    """What is no URL of a server is refused, and a password in it is not shown."""
    with pytest.raises(InvalidSettings, match="invalid server URL") as caught:
        check_endpoint("server URL", url)
    assert "secret" not in str(caught.value)
