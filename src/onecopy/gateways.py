"""What a proxy or gateway in front of a server has answered, and what to do about it.

onecopy answers errors with problem documents, and S3 with XML. An error in another form usually
comes from something in between, and often its operator has to act.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from onecopy.httpclient import Response
from onecopy.text import count_text
from onecopy.urls import bare

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_SHOWN = 200
"""Characters of a redirect's target that are shown."""
_UNCHANGED = "ask its operator to pass requests of the API on unchanged, with their headers"
_BY_STATUS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        401: ("requires a sign-in of its own", _UNCHANGED),
        403: ("denied the request", _UNCHANGED),
        408: ("did not get the request in time", "try again, over a faster connection"),
        413: (
            "accepts no request as large as this one",
            "ask its operator to raise the limit of bodies (in nginx client_max_body_size)",
        ),
        429: ("limits the number of requests", "try again later, or have the limit raised"),
        500: ("failed", "ask its operator to look into its log"),
        502: (
            "got no valid answer from it",
            "check that the server runs, and that the proxy has its address",
        ),
        503: (
            "could not pass the request on to it",
            "check that the server runs, and try again later",
        ),
        504: ("got no answer from it in time", "try again later, or have the time-out raised"),
    }
)
"""What the proxy did, and what to do; "it" is the server."""
_OTHER = ("did not accept the request", _UNCHANGED)


class Explanation(NamedTuple):
    """What happened to a request, and what to do; as text, both."""

    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}; {self.fix}"


def explain(response: Response, url: str, sent: int = 0) -> Explanation:
    """Explain an answer that did not come from the server itself; `sent` is the request's bytes."""
    status = response.status
    returned = f"{bare(url)} returned {status}{_phrase(status)}"
    if status in _REDIRECTS:
        return _redirect(response, url, returned)
    what, fix = _BY_STATUS.get(status, _OTHER)
    size = f" ({sent} bytes)" if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and sent else ""
    who = "probably from a proxy or gateway in front of the server"
    return Explanation(f"{returned}, {who}, which {what}{size}", fix)


def explain_success(response: Response, url: str) -> Explanation:
    """Explain an answer 2xx that the server itself would not have given."""
    returned = f"{bare(url)} returned {response.status}{_phrase(response.status)}"
    return Explanation(
        f"{returned} with {form(response)}, probably from a proxy, or from the sign-in page of a "
        "network: the server did not receive the bytes",
        f"sign in to the network; if there is a proxy or gateway, {_UNCHANGED}",
    )


def form(response: Response) -> str:
    """Return in which form an unexpected answer is, as far as its headers tell."""
    coding = response.headers.get("content-encoding", "identity")
    if coding != "identity":
        return f"an answer in the coding {coding[:40]}, which was not requested"
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    return f"{count_text(len(response.data), 'byte')} of type {kind[:100] or 'unknown'}"


def retry_after(response: Response) -> float | None:
    """Return Retry-After in seconds, also from its form as a date (RFC 9110, 10.2.3)."""
    header = response.headers.get("retry-after")
    if not header:
        return None
    if header.isascii() and header.isdigit():
        return float(header)
    from email.utils import parsedate_to_datetime  # imported late, as it is rarely needed

    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _phrase(status: int) -> str:
    return f" {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else ""


def _redirect(response: Response, url: str, returned: str) -> Explanation:
    try:
        target = urljoin(url, response.headers.get("location", ""))
        old, new = urlsplit(url), urlsplit(target)
    except ValueError:  # it redirects to what is no URL
        return Explanation(f"{returned}, a redirect without a valid target", _UNCHANGED)
    what = f"{returned}, a redirect to {bare(target)[:_MAX_SHOWN]}, which is not followed"
    if (new.scheme, new.hostname, new.path) == ("https", old.hostname, old.path):
        return Explanation(what, f"its URL begins with {bare(f'https://{new.netloc}')}")
    return Explanation(
        what, f"use the URL of the server itself; if a gateway wants users to sign in, {_UNCHANGED}"
    )
