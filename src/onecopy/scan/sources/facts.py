"""What the columns of some rows state, as columns of Python, and which rows they mark."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, cast
from urllib.parse import unquote_plus

from onecopy.digest import LARGEST_CONTENT
from onecopy.listing import ListedCopy, listed_copy
from onecopy.scan.sources.columns import Columns
from onecopy.scan.sources.values import are, joined_md5s, repeated, seconds, texts, whole_numbers
from onecopy.store.s3.list_entries import NO_MD5, joined_tags

UNENCRYPTED = frozenset({"", "SSE-S3", "NOT-SSE", "AES256"})
"""Encryption under which the ETag of an object that was not sent in parts is its MD5."""


class Facts:
    """A batch of rows; pyarrow has no types, so its columns are `Any`."""

    def __init__(self, record: Any, columns: Columns, *, is_encoded: bool) -> None:  # noqa: ANN401
        self._record = record
        self._columns = columns
        self._is_encoded = is_encoded
        """Whether keys are URL-encoded, as in the CSV of S3 Inventory."""

    @cached_property
    def keys(self) -> list[str]:
        """Full keys in the bucket; empty where there is none."""
        keys = texts(self._column("key"))
        return [_decoded(key) for key in keys] if self._is_encoded else keys

    def keys_below(self, prefix: str) -> list[str]:
        """Return the keys without a prefix, which they should have."""
        return [key[len(prefix) :] for key in self.keys] if prefix else self.keys

    @cached_property
    def sizes(self) -> list[int]:
        """Sizes in bytes; 0 where there is none."""
        sizes: list[int] = self._sizes.fill_null(0).to_pylist()
        return sizes

    @cached_property
    def ranks(self) -> list[str] | None:
        """The order of the versions of a key, if rows may be versions."""
        return texts(self._column("sequence")) if self._columns.has_versions else None

    @cached_property
    def markers(self) -> list[bool]:
        """Which rows are delete markers."""
        marks = self._are("is_marker", what=True)
        values: list[bool] = [] if marks is None else marks.to_pylist()
        return values or [False] * len(self.keys)

    def copies(self, prefix: str) -> list[ListedCopy]:
        """Return each row as a listed copy, with a key below a prefix; marked rows are none."""
        times = self._times.fill_null(0).to_pylist()
        tags, parts, opaque = self._tags(times)
        fields = zip(
            self.keys_below(prefix),
            self.sizes,
            tags,
            parts,
            self._opaque(opaque),
            times,
            self._repeated("storage_class", "STANDARD"),
            self._repeated("checksums", ""),
            strict=True,
        )
        return cast(list[ListedCopy], list(map(listed_copy, fields)))

    def marked(self, bucket: str, expiring: int) -> Iterator[tuple[int, str]]:
        """Yield the rows of which a column shows that they can't be used, and the reason.

        Only objects in `bucket` can, and those that no rule deletes before the time `expiring`. A
        row may have several reasons: the first one counts.
        """
        import pyarrow.compute as pc

        for reason, mask in self._masks(bucket, expiring):
            if pc.any(mask).as_py():
                yield from ((at, reason) for at in pc.indices_nonzero(mask).to_pylist())

    def _masks(self, bucket: str, expiring: int) -> Iterator[tuple[str, Any]]:
        import pyarrow.compute as pc

        if (found := self._column("bucket")) is not None:
            yield "bucket-other", pc.invert(_is_one_of(found, bucket))
        if (older := self._are("is_latest", what=False)) is not None:
            yield "noncurrent", older
        marks = self._are("is_marker", what=True)
        if marks is not None and not self._columns.has_versions:
            yield "delete-marker", marks
        is_sized = pc.less_equal(self._sizes, LARGEST_CONTENT).fill_null(False)
        for reason, is_valid in (("size", is_sized), ("time", pc.is_valid(self._times))):
            is_fine = is_valid if marks is None else pc.or_(is_valid, marks)
            yield f"{reason}-invalid", pc.invert(is_fine)
        if (expires := self._column("expires")) is not None:
            yield "store-expiring", pc.less(seconds(expires), expiring).fill_null(False)

    def _column(self, meaning: str) -> Any:  # noqa: ANN401 - None if there is none
        import pyarrow as pa

        name = self._columns.name(meaning)
        if name is None:
            return None
        column = self._record.column(name)
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column

    def _are(self, meaning: str, *, what: bool) -> Any:  # noqa: ANN401 - None if there is none
        column = self._column(meaning)
        return None if column is None else are(column, what=what)

    @cached_property
    def _sizes(self) -> Any:  # noqa: ANN401
        return whole_numbers(self._column("size"))

    @cached_property
    def _times(self) -> Any:  # noqa: ANN401
        import pyarrow as pa

        column = self._column("modified")
        return pa.array([0] * len(self.keys), pa.int64()) if column is None else seconds(column)

    def _tags(self, times: list[int]) -> tuple[list[bytes], list[int], list[bool]]:
        """Return tags, numbers of parts, and which ETags are no MD5."""
        column = self._column("etag")
        if column is None:
            text, odd = NO_MD5 * len(times), dict.fromkeys(range(len(times)), "")
        else:
            text, odd = joined_md5s(column)
        odd = {at: etag.strip('"') or self._instead(at, times) for at, etag in odd.items()}
        return joined_tags(text, odd, self.sizes)

    def _instead(self, at: int, times: list[int]) -> str:
        """Return, in place of an ETag, a text from which nothing follows but that it may change."""
        return f"{self.keys[at]} {self.sizes[at]} {times[at]}"

    def _opaque(self, opaque: list[bool]) -> list[bool]:
        """Return which copies are opaque, by their ETags, or by their encryption."""
        states = self._repeated("encryption", "")
        if UNENCRYPTED.issuperset(states):
            return opaque
        both = zip(opaque, states, strict=True)
        return [by_etag or state not in UNENCRYPTED for by_etag, state in both]

    def _repeated(self, meaning: str, default: str) -> list[str]:
        """Return the texts of a column with few different ones; several words are separated."""
        column = self._column(meaning)
        if column is None:
            return [default] * len(self.keys)
        return repeated(column, lambda text: " ".join(text.replace(",", " ").split()) or default)


def _is_one_of(column: Any, text: str) -> Any:  # noqa: ANN401
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.is_in(column.cast(pa.binary()), pa.array([text.encode()], pa.binary()))


def _decoded(key: str) -> str:
    """Return a URL-encoded key; a space may be encoded as `+`, which itself is always `%2B`."""
    return unquote_plus(key, errors="surrogateescape") if "%" in key or "+" in key else key
