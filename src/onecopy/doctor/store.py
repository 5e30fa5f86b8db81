"""Examination of a store that receives bytes through our process (a folder)."""

import secrets
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import url2pathname

from onecopy.doctor.finding import Finding, advice, fine, wrong
from onecopy.errors import Failure, InvalidSettings
from onecopy.store.interface import Store, Upload

_LOW_SPACE_BYTES = 1_000_000_000
"""Free space below which a folder is nearly full."""


def examine_store(store: Store, *, create: bool) -> Iterator[Finding]:
    """Check that a store can be read and written, and has space; `create` makes it a store."""
    try:
        store.identify(create=create)
        test_upload = Upload(secrets.token_hex(16), "onecopy-doctor", 1)
        store.begin([test_upload])
        store.abort(test_upload)
    except (Failure, InvalidSettings) as error:
        yield wrong("store", str(error), "check that it is mounted, and that we may write to it")
        return
    yield fine("store", f"{store.url} can be read and written")
    if store.kind == "folder":
        yield _examine_free_space(url2pathname(urlsplit(store.url).path))


def _examine_free_space(folder: str) -> Finding:
    free = shutil.disk_usage(folder).free
    if free < _LOW_SPACE_BYTES:
        return advice(
            "room", f"{free / 1e6:,.0f} MB are free", "free some space, or move the store"
        )
    return fine("room", f"{free / 1e9:,.0f} GB are free")
