"""Examination of a bucket's CORS rules: whether pages of a web origin may upload and read.

Pages send the headers of the requests that we sign, so both the preflight request and the rule are
made from them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from shlex import quote
from typing import Any

from botocore.exceptions import ClientError

from onecopy.aws.client import code_of, status_of
from onecopy.doctor.finding import Finding, advice, fine, wrong
from onecopy.errors import Unavailable
from onecopy.httpclient import HttpClient
from onecopy.key import RESERVED
from onecopy.store.interface import Send, Upload
from onecopy.store.s3.connection import failure
from onecopy.store.s3.store import S3Store

_RULE_ID = "onecopy"
_MAX_AGE_SECONDS = 3600
"""How long a browser may cache a preflight response."""
_SAMPLE = Upload("0" * 32, f"{RESERVED}/cors", 0, content_type="any/any", metadata=(("*", "any"),))
"""An upload with every possible header; it is signed, but never sent."""


def examine_cors(store: S3Store, origins: Sequence[str], *, fix: bool) -> Iterator[Finding]:
    """Check that pages of these origins may upload; with `fix`, add a rule for the others."""
    try:
        refused, blind = _refused_origins(store, origins), _blind_origins(store, origins)
        if (refused or blind) and fix:
            written = _add_rule(store, [*refused, *blind])
            yield fine("cors", f"added this rule to the bucket: {json.dumps(written)}")
            refused, blind = _refused_origins(store, origins), _blind_origins(store, origins)
    except Unavailable as error:
        yield advice("cors", f"cannot check from here whether pages may upload: {error}")
        return
    except ClientError as error:
        if refused:
            yield _cannot_add_rule(store, list(refused), error)
            return
    for origin in origins:
        if reason := refused.get(origin):
            remedy = _remedy(store, origin)
            if fix:
                remedy = "wait a minute: the rule may not be in force yet"
            yield wrong("cors", f"pages of {origin} may not upload: {reason}", remedy)
        else:
            yield fine("cors", f"pages of {origin} may upload")
            yield from _about_reading(store, origin, blind)


def _about_reading(store: S3Store, origin: str, blind: Sequence[str]) -> Iterator[Finding]:
    """Advise to let pages read, which only a comparison of texts needs."""
    if origin in blind:
        message = f"pages of {origin} may not read stored texts, to show them beside a file"
        yield advice("cors", message, f"{_remedy(store, origin)}; it allows GET")


def _remedy(store: S3Store, origin: str) -> str:
    return f"onecopy doctor --store {quote(store.url)} --fix-cors --origin {origin}"


def _refused_origins(store: S3Store, origins: Sequence[str]) -> dict[str, str]:
    answers = {origin: _preflight_refusal(store, origin) for origin in origins}
    return {origin: reason for origin, reason in answers.items() if reason}


def _blind_origins(store: S3Store, origins: Sequence[str]) -> list[str]:
    """Return the origins whose pages may not read objects."""
    return [origin for origin in origins if not _may_read(store, origin)]


def _cannot_add_rule(store: S3Store, origins: Sequence[str], error: ClientError) -> Finding:
    fix = (
        "ask the bucket's owner to add this rule to the existing ones"
        if status_of(error) == 403
        else "look for CORS in the settings of this service, and allow what this rule allows"
    )
    return wrong(
        "cors",
        f"pages of {', '.join(origins)} may not upload, and onecopy cannot change that "
        f"(PutBucketCors): {failure(error)}",
        f"{fix}:\n{json.dumps(_rule(store, origins))}",
    )


def _rule(store: S3Store, origins: Iterable[str]) -> dict[str, Any]:
    """Return the rule that lets pages of these origins upload to the bucket."""
    return {
        "ID": _RULE_ID,
        "AllowedOrigins": sorted(set(origins)),
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": sorted(_sample_request(store).headers),
        "MaxAgeSeconds": _MAX_AGE_SECONDS,
    }


def _preflight_refusal(store: S3Store, origin: str) -> str | None:
    """Send the preflight request of a browser; return the reason if it would be refused."""
    send = _sample_request(store)
    sent = sorted(name.replace("*", "any") for name in send.headers)
    preflight = {
        "Origin": origin,
        "Access-Control-Request-Method": send.method,
        "Access-Control-Request-Headers": ",".join(sent),
    }
    with HttpClient(timeout=10, network=store.network) as http:
        response = http.request("OPTIONS", send.url, preflight)
    allowed = response.headers
    if not 200 <= response.status < 300:
        return f"the bucket answered {response.status}"
    if allowed.get("access-control-allow-origin") not in (origin, "*"):
        return "the bucket does not name the origin"
    if send.method.lower() not in _names_in(allowed.get("access-control-allow-methods")):
        return f"the bucket does not allow {send.method}"
    headers = _names_in(allowed.get("access-control-allow-headers"))
    missing = [name for name in sent if name not in headers and "*" not in headers]
    return f"the bucket does not allow the headers {', '.join(missing)}" if missing else None


def _may_read(store: S3Store, origin: str) -> bool:
    """Return whether a page may read an object: a request for that needs no special headers."""
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    with HttpClient(timeout=10, network=store.network) as http:
        response = http.request("OPTIONS", _sample_request(store).url, preflight)
    allowed = response.headers
    return (
        200 <= response.status < 300
        and allowed.get("access-control-allow-origin") in (origin, "*")
        and "get" in _names_in(allowed.get("access-control-allow-methods"))
    )


def _add_rule(store: S3Store, origins: Sequence[str]) -> dict[str, Any]:
    """Add these origins to our rule, keep the other rules, and return ours; raises ClientError."""
    client, bucket = store.client, store.address.bucket
    existing: Sequence[Any] = []
    try:
        existing = client.get_bucket_cors(Bucket=bucket).get("CORSRules", [])
    except ClientError as error:
        if code_of(error) != "NoSuchCORSConfiguration":
            raise
    before = [each for each in existing if each.get("ID") == _RULE_ID]
    own = _rule(store, [*origins, *(name for each in before for name in each["AllowedOrigins"])])
    rules: Any = [*(each for each in existing if each.get("ID") != _RULE_ID), own]
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    return own


def _sample_request(store: S3Store) -> Send:
    return store.sign(_SAMPLE, [(1, bytes(32))])[0]


def _names_in(header: str | None) -> set[str]:
    """Return the names in a header, in lower case."""
    return {name.strip().lower() for name in (header or "").split(",")}
