"""What S3 tells of its objects -> index: events, as S3 itself or a queue brings them.

An event only names a key: what lies there now is looked at (see `onecopy.scan.keys`), so that
events may come late, doubled and in any order. One that is lost is made good by the next one of its
key, or by `onecopy scan`.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from onecopy.backends import opened_backends, tenants_of
from onecopy.errors import InvalidKey, InvalidSettings, Unavailable
from onecopy.index.interface import Engine
from onecopy.key import check_key
from onecopy.scan.keys import catch_up
from onecopy.settings import Settings
from onecopy.store.s3.store import S3Store
from onecopy.tenant import Owners

Json = Any
"""What `json.loads` gives."""

_log = logging.getLogger("onecopy.events")


def open_notices(settings: Settings, opened: ExitStack) -> "Notices":
    """Open what takes the events of the bucket in the settings; raises InvalidSettings."""
    index, store = opened.enter_context(opened_backends(settings))
    if not isinstance(store, S3Store):
        raise InvalidSettings("events are those of a bucket: ONECOPY_STORE must begin with s3://")
    return Notices(settings, index, store)


class Notices:
    """A Lambda handler for the events of one bucket."""

    def __init__(self, settings: Settings, index: Engine, store: S3Store) -> None:
        self._settings = settings
        self._index = index
        self._store = store

    def __call__(self, event: Json, context: object = None) -> Json:  # noqa: ARG002 - Lambda's
        """Take messages of a queue, and return which failed, so that only they come again.

        Events that S3 brings itself come again all together if this raises: Unavailable.
        """
        messages = [r for r in event.get("Records", ()) if r.get("eventSource") == "aws:sqs"]
        if messages:
            return {"batchItemFailures": list(self._failed(messages))}
        if failed := self._catch_up(self._keys(event)):
            raise Unavailable(f"not up to date: {failed}")
        return None

    def _failed(self, messages: Iterable[Json]) -> Iterator[Json]:
        """Work off all messages at once, and yield those of which a key failed."""
        named: dict[str, set[str]] = {}
        for message in messages:
            try:
                named[message["messageId"]] = set(self._keys(msgspec.json.decode(message["body"])))
            except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
                _log.exception("message %s is no event of S3", message["messageId"])
                yield {"itemIdentifier": message["messageId"]}
        failed = self._catch_up(key for keys in named.values() for key in keys)
        for message_id, keys in named.items():
            if not keys.isdisjoint(failed):
                yield {"itemIdentifier": message_id}

    def _catch_up(self, keys: Iterable[str]) -> dict[str, str]:
        owners = Owners(tenants_of(self._settings, self._index))
        failed = catch_up(self._index, self._store, owners, keys)
        if failed:
            _log.warning("%d objects can't be looked at: %s", len(failed), set(failed.values()))
        return failed

    def _keys(self, event: Json) -> Iterator[str]:
        """Yield the keys of our store that an event names; a test event names none."""
        address = self._store.address
        for record in event.get("Records", ()):
            told = record["s3"]
            key = _key_in(told["object"]["key"], address.prefix)
            if key is not None and told["bucket"]["name"] == address.bucket:
                yield key


def _key_in(quoted: str, prefix: str) -> str | None:
    """Return the key below the prefix; None if it is none that we could speak of."""
    try:
        whole = unquote_plus(quoted, errors="strict")
        return check_key(whole.removeprefix(prefix)) if whole.startswith(prefix) else None
    except (InvalidKey, UnicodeDecodeError):
        return None
