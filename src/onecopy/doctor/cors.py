"""Whether pages of a web origin may send to the bucket, and leave for them to do so (CORS).

The headers that a page must be let send are those of the requests that we sign: both the question
and the rule are made from them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

import json
from collections.abc import Iterable, Iterator, Sequence
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

_ID = "onecopy"
_MAX_AGE = 3600
"""Seconds for which a browser need not ask again."""
_ANY = Upload("0" * 32, f"{RESERVED}/cors", 0, content_type="any/any", metadata=(("*", "any"),))
"""An upload that is signed and never sent: it has every header that one can have."""


def examine_cors(store: S3Store, origins: Sequence[str], *, fix: bool) -> Iterator[Finding]:
    """Say which pages may send to the bucket; with `fix` the others are let, too."""
    try:
        refused = _refused_origins(store, origins)
        if refused and fix:
            written = _permit(store, list(refused))
            yield fine("cors", f"added to what the bucket allows: {json.dumps(written)}")
            refused = _refused_origins(store, origins)
    except Unavailable as error:
        yield advice("cors", f"whether pages may send to it can't be told from here: {error}")
        return
    except ClientError as error:
        yield _unpermitted(store, list(refused), error)
        return
    for origin in origins:
        if why := refused.get(origin):
            mend = (
                "wait a minute: it may come into force yet"
                if fix
                else f"onecopy doctor --fix-cors --origin {origin}"
            )
            yield wrong("cors", f"pages of {origin} may not send to it: {why}", mend)
        else:
            yield fine("cors", f"pages of {origin} may send to it")


def _refused_origins(store: S3Store, origins: Sequence[str]) -> dict[str, str]:
    answers = {origin: _refusal(store, origin) for origin in origins}
    return {origin: why for origin, why in answers.items() if why}


def _unpermitted(store: S3Store, origins: Sequence[str], error: ClientError) -> Finding:
    mend = (
        "let the bucket's owner add this rule to those that are there"
        if status_of(error) == 403
        else "look for CORS in this service's own settings, and allow what this rule does"
    )
    return wrong(
        "cors",
        f"pages of {', '.join(origins)} may not send to it, and we can't change that "
        f"(PutBucketCors): {failure(error)}",
        f"{mend}:\n{json.dumps(_rule(store, origins))}",
    )


def _rule(store: S3Store, origins: Iterable[str]) -> dict[str, Any]:
    """Return the rule that lets pages of these origins send to the bucket."""
    return {
        "ID": _ID,
        "AllowedOrigins": sorted(set(origins)),
        "AllowedMethods": ["PUT"],
        "AllowedHeaders": sorted(_signed(store).headers),
        "MaxAgeSeconds": _MAX_AGE,
    }


def _refusal(store: S3Store, origin: str) -> str | None:
    """Ask as a browser does before a page of this origin sends; return why it would not let it."""
    send = _signed(store)
    asked = sorted(name.replace("*", "any") for name in send.headers)
    question = {
        "Origin": origin,
        "Access-Control-Request-Method": send.method,
        "Access-Control-Request-Headers": ",".join(asked),
    }
    with HttpClient(silence=10) as connections:
        answer = connections.request("OPTIONS", send.url, question)
    allowed = answer.headers
    if not 200 <= answer.status < 300:
        return f"the bucket answers {answer.status}"
    if allowed.get("access-control-allow-origin") not in (origin, "*"):
        return "the bucket does not name the origin"
    if send.method not in _listed(allowed.get("access-control-allow-methods"), str.upper):
        return f"the bucket does not allow {send.method}"
    headers = _listed(allowed.get("access-control-allow-headers"), str.lower)
    missing = [name for name in asked if name not in headers and "*" not in headers]
    return f"the bucket does not allow the headers {', '.join(missing)}" if missing else None


def _permit(store: S3Store, origins: Sequence[str]) -> dict[str, Any]:
    """Let pages of these origins send, besides all that is allowed already; return our rule.

    Raises ClientError.
    """
    client, bucket = store.client, store.address.bucket
    there: Sequence[Any] = []
    try:
        there = client.get_bucket_cors(Bucket=bucket).get("CORSRules", [])
    except ClientError as error:
        if code_of(error) != "NoSuchCORSConfiguration":
            raise
    before = [each for each in there if each.get("ID") == _ID]
    own = _rule(store, [*origins, *(name for each in before for name in each["AllowedOrigins"])])
    rules: Any = [*(each for each in there if each.get("ID") != _ID), own]
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    return own


def _signed(store: S3Store) -> Send:
    return store.sign(_ANY, [(1, bytes(32))])[0]


def _listed(header: str | None, case: Any) -> set[str]:  # noqa: ANN401 - str.upper or str.lower
    return {case(name.strip()) for name in (header or "").split(",")}
