"""Updates of the index from the events of a bucket, which S3 sends directly or through SQS.

An event only names a key, whose object is then looked at (see `onecopy.scan.keys`). So events may
arrive late, twice and in any order; a lost one is repaired by the next event of its key, or by
`onecopy scan`.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from onecopy.aws.functions.settings import FunctionSettings
from onecopy.backends import opened_backends, tenants_of
from onecopy.errors import InvalidSettings, Unavailable
from onecopy.index.interface import Engine
from onecopy.key import is_recordable, is_reserved
from onecopy.scan.keys import catch_up
from onecopy.settings import Settings
from onecopy.store.s3.store import S3Store
from onecopy.tenant import Owners

Json = Any
"""A value as `json.loads` returns it."""

_log = logging.getLogger("onecopy.events")


def open_bucket_events(
    settings: Settings, function: FunctionSettings, opened: ExitStack
) -> "BucketEvents":
    """Open the handler of events of the bucket in the settings; raises InvalidSettings."""
    index, store = opened.enter_context(opened_backends(settings))
    if not isinstance(store, S3Store):
        raise InvalidSettings(f"events need a bucket, not {store.url}: set ONECOPY_STORE to s3://…")
    return BucketEvents(settings, index, store, function.jwt_tenant)


class BucketEvents:
    """A Lambda handler for the events of one bucket."""

    def __init__(
        self, settings: Settings, index: Engine, store: S3Store, jwt_tenant: str | None = None
    ) -> None:
        self._settings = settings
        self._jwt_tenant = jwt_tenant
        self._index = index
        self._store = store

    def __call__(self, event: Json, context: object = None) -> Json:  # noqa: ARG002 - Lambda's
        """Process messages of a queue; return those that failed, so that only they are redelivered.

        For events from S3 itself, raises Unavailable, so that all of them are redelivered.
        """
        messages = [r for r in event.get("Records", ()) if r.get("eventSource") == "aws:sqs"]
        if messages:
            return {"batchItemFailures": list(self._failed(messages))}
        if failed := self._catch_up(self._keys(event)):
            raise Unavailable(
                f"the index could not be updated for these keys: {failed}; their events return"
            )
        return None

    def _failed(self, messages: Iterable[Json]) -> Iterator[Json]:
        """Process all messages together, and yield those with a key that failed."""
        named: dict[str, set[str]] = {}
        for message in messages:
            try:
                named[message["messageId"]] = set(self._keys(msgspec.json.decode(message["body"])))
            except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
                _log.exception("message %s is not an event of S3", message["messageId"])
                yield {"itemIdentifier": message["messageId"]}
        failed = self._catch_up(key for keys in named.values() for key in keys)
        for message_id, keys in named.items():
            if not keys.isdisjoint(failed):
                yield {"itemIdentifier": message_id}

    def _catch_up(self, keys: Iterable[str]) -> dict[str, str]:
        owners = Owners(tenants_of(self._settings, self._index, self._jwt_tenant))
        failed = catch_up(self._index, self._store, owners, keys)
        if failed:
            _log.warning("could not look at %d objects: %s", len(failed), set(failed.values()))
        return failed

    def _keys(self, event: Json) -> Iterator[str]:
        """Yield the keys of our store that an event names; test events name none."""
        address = self._store.address
        for record in event.get("Records", ()):
            event = record["s3"]
            key = _key_in(event["object"]["key"], address.prefix)
            if key is not None and event["bucket"]["name"] == address.bucket:
                yield key


def _key_in(quoted: str, prefix: str) -> str | None:
    """Return the key below the prefix; None if it is outside, or cannot be recorded."""
    whole = unquote_plus(quoted, errors="surrogateescape")
    if not whole.startswith(prefix):
        return None
    key = whole.removeprefix(prefix)
    if is_recordable(key):
        return key
    if key and not is_reserved(key):
        _log.warning("cannot record an object with the key %a: rename it", key)
    return None
