"""Making signed requests as a client does who is not to be trusted."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import urllib3

from onecopy.store.interface import Send

_CODE = re.compile(rb"<Code>([A-Za-z]+)</Code>")
_POOL = urllib3.PoolManager(retries=False)


class Said(NamedTuple):
    """What a bucket said."""

    status: int
    code: str


def put(
    send: Send,
    body: bytes,
    headers: Mapping[str, str | None] | None = None,
    *,
    url: str = "",
    method: str = "",
) -> Said:
    """Make a signed request with other headers (None: left out), another URL or method."""
    given = {**send.headers, **(headers or {})}
    kept = {name: value for name, value in given.items() if value is not None}
    answer = _POOL.request(method or send.method, url or send.url, body=body, headers=kept)
    found = _CODE.search(answer.data)
    return Said(answer.status, found[1].decode() if found else "")
