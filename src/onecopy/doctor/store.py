"""Examination of a store that receives bytes through our process (a folder)."""

import secrets
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import url2pathname

from onecopy.doctor.finding import Finding, advice, fine, wrong
from onecopy.errors import Failure, InvalidSettings, Unavailable
from onecopy.own_files import OwnFiles
from onecopy.scan.figures import Figures, Keys
from onecopy.store.interface import LeftOut, Store, Surveyor, Upload
from onecopy.text import printable

_LOW_SPACE_BYTES = 1_000_000_000
"""Free space below which a folder is nearly full."""

_MAX_NAMES = 3


def examine_store(store: Store, *, unmarked: bool) -> Iterator[Finding]:
    """Check that a store can be read and written, and has space; nothing is created.

    `unmarked` is set if it need not be a store yet, because the index belongs to none.
    """
    try:
        if unmarked and (finding := _examine_unmarked(store)):
            yield finding
            return
        store.identify(create=False)
        test_upload = Upload(secrets.token_hex(16), "onecopy-doctor", 1)
        store.begin([test_upload])
        store.abort(test_upload)
    except (Failure, InvalidSettings) as error:
        fix = "check that it is mounted, and that onecopy may write to it"
        yield wrong("store", str(error), fix)
        return
    yield fine("store", f"{store.url} can be read and written")
    if store.kind == "folder":
        yield _examine_free_space(url2pathname(urlsplit(store.url).path))
    if isinstance(store, Surveyor):
        yield from _examine_contents(store)


def _examine_unmarked(store: Store) -> Finding | None:
    """Return a finding about a place that is not a store yet, or None."""
    if store.is_vacant():
        fix = (
            "check its name, and that its disk is mounted; `onecopy upload` with a new index "
            "creates a new store"
        )
        return wrong("store", f"there is nothing at {store.url}", fix)
    try:
        store.identify(create=False)
    except Unavailable:
        fix = "`onecopy scan` makes it one; the files stay as they are"
        return advice("store", f"{store.url} is not a store yet", fix)
    return None


def _examine_free_space(folder: str) -> Finding:
    free = shutil.disk_usage(folder).free
    if free < _LOW_SPACE_BYTES:
        return advice(
            "room", f"{free / 1e6:,.0f} MB are free", "free some space, or move the store"
        )
    return fine("room", f"{free / 1e9:,.0f} GB are free")


def _examine_contents(store: Surveyor) -> Iterator[Finding]:
    """List all that is in the store, and report what a scan cannot record."""
    figures = Figures()
    try:
        for found in store.survey(OwnFiles()):
            if isinstance(found, LeftOut):
                figures.report(*found)
    except Failure as error:
        yield wrong("contents", str(error), "give onecopy permission to list the store")
        return
    problems = figures.by_reason(problems=True)
    yield from (_problem(reason, keys) for reason, keys in problems.items())
    if not problems:
        yield fine("contents", "all folders in it can be listed")


def _problem(reason: str, keys: Keys) -> Finding:
    names = ", ".join(printable(key) for key in keys.first[:_MAX_NAMES])
    more = ", …" if keys.count > _MAX_NAMES else ""
    what = "folder or file" if keys.count == 1 else "folders or files"
    message = f"{keys.count:,} {what} cannot be scanned ({reason}): {names}{more}"
    if reason == "key-invalid":
        return advice("contents", message, "rename them; `onecopy scan` lists them")
    if reason == "mounted":
        return advice("contents", message, "use a store of its own for each mounted file system")
    fix = "give onecopy permission to read them; `onecopy scan` lists them"
    return wrong("contents", message, fix)
