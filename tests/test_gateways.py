"""Answers of proxies and gateways: the messages about them."""

import pytest

from onecopy.gateways import explain, form, retry_after
from onecopy.httpclient import Response

URL = "http://ada:hush@files.example.org/copies/v1/check?token=hush"
SHOWN = "http://files.example.org/copies/v1/check"


@pytest.mark.parametrize(
    ("status", "what", "fix"),
    [
        (401, "401 Unauthorized, probably from a proxy", "pass requests of the API on unchanged"),
        (403, "which denied the request", "pass requests of the API on unchanged"),
        (413, "no request as large as this one (4194304 bytes)", "client_max_body_size"),
        (429, "429 Too Many Requests", "try again later"),
        (502, "which got no valid answer from it", "check that the server runs"),
        (503, "which could not pass the request on to it", "check that the server runs"),
        (504, "which got no answer from it in time", "time-out"),
        (418, "which did not accept the request", "pass requests of the API on unchanged"),
        (599, "returned 599, probably", "pass requests of the API on unchanged"),
    ],
)
def test_an_error_names_the_url_and_what_to_do(status: int, what: str, fix: str) -> None:
    """The URL is named without secrets, then who has probably answered, and why."""
    explained = explain(Response(status, {}, b"<html>"), URL, 4 << 20)
    assert explained.what.startswith(f"{SHOWN} returned {status}")
    assert what in explained.what
    assert fix in explained.fix
    assert str(explained) == f"{explained.what}; {explained.fix}"
    assert "hush" not in str(explained)


@pytest.mark.parametrize(
    ("location", "target", "fix"),
    [
        (
            "https://files.example.org/copies/v1/check",
            "https://files.example.org/copies/v1/check",
            "its URL begins with https://files.example.org",
        ),
        (
            "https://files.example.org:8443/copies/v1/check",
            "https://files.example.org:8443/copies/v1/check",
            "its URL begins with https://files.example.org:8443",
        ),
        (
            "https://login.example.org/authorize?state=hush",
            "https://login.example.org/authorize",
            "use the URL of the server itself; if a gateway wants users to sign in",
        ),
        ("/login", "http://files.example.org/login", "use the URL of the server itself"),
        ("", "http://files.example.org/copies/v1/check", "use the URL of the server itself"),
        ("https://x.example/" + "a" * 5000, "https://x.example/aaa", "use the URL of the server"),
    ],
)
def test_a_redirect_names_its_target(location: str, target: str, fix: str) -> None:
    """One to the same place over TLS is distinguished from one to a sign-in page, and short."""
    headers = {"location": location} if location else {}
    explained = explain(Response(302, headers, b""), URL)
    assert f"returned 302 Found, a redirect to {target}" in explained.what
    assert fix in explained.fix
    assert "hush" not in str(explained)
    assert len(str(explained)) < 600


def test_a_redirect_to_nowhere() -> None:
    """What is no URL is not shown, and is no defect."""
    explained = explain(Response(302, {"location": "https://[hush"}, b""), URL)
    assert explained.what == f"{SHOWN} returned 302 Found, a redirect without a valid target"


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"content-type": "text/html; charset=utf-8"}, "3 bytes of type text/html"),
        ({}, "3 bytes of type unknown"),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            "an answer in the coding gzip, which was not requested",
        ),
    ],
)
def test_the_form_of_an_answer(headers: dict[str, str], text: str) -> None:
    """It says what came instead of JSON."""
    assert form(Response(200, headers, b"abc")) == text


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7),
        ("0", 0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """It is a number of seconds or a date; a date that is over means now, and others nothing."""
    headers = {} if header is None else {"retry-after": header}
    assert retry_after(Response(503, headers, b"")) == seconds
