"""The values of a column of Arrow, converted at once where possible.

pyarrow has no types, so its arrays are `Any` here. A value that cannot be converted becomes NULL.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from onecopy.store.s3.list_entries import MD5_DIGITS, NO_MD5

_WHOLE = r"^[0-9]{1,18}$"
_UTC = r"(Z|z|\+00:?00)$"
_SPELLINGS = (bytes.lower, bytes.upper, bytes.title)


def texts(column: Any) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    """Return texts; NULL is empty, and bytes that are not UTF-8 are surrogates."""
    import pyarrow as pa

    column = column.cast(pa.binary()).fill_null(b"")
    try:
        values: list[str] = column.cast(pa.string()).to_pylist()
    except (pa.ArrowInvalid, UnicodeDecodeError):
        values = [value.decode(errors="surrogateescape") for value in column.to_pylist()]
    return values


def joined_md5s(column: Any) -> tuple[str, dict[int, str]]:  # noqa: ANN401
    """Return texts of 32 characters, joined; zeros are in the places of others, which come apart.

    Joining them in Arrow takes half the time.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(pa.binary()).fill_null(b"")
    is_plain = pc.equal(pc.binary_length(column), MD5_DIGITS)
    places = pc.indices_nonzero(pc.invert(is_plain))
    odd = dict(zip(places.to_pylist(), texts(column.take(places)), strict=True))
    if odd:
        column = pc.if_else(is_plain, column, NO_MD5.encode())
    fixed = column.cast(pa.binary(MD5_DIGITS))
    start, end = (at * MD5_DIGITS for at in (fixed.offset, fixed.offset + len(fixed)))
    raw = memoryview(fixed.buffers()[1])[start:end].tobytes() if len(fixed) else b""
    return raw.decode("latin-1"), odd


def whole_numbers(column: Any) -> Any:  # noqa: ANN401
    """Return a column of int64; what is not a whole number of at least 0 becomes NULL."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if _is_text(column):
        text = column.cast(pa.binary())
        is_whole = pc.match_substring_regex(text, _WHOLE)
        whole = pc.if_else(is_whole, text, pa.scalar(None, pa.binary()))
        return whole.cast(pa.string()).cast(pa.int64())
    if pa.types.is_integer(column.type):
        column = column.cast(pa.int64(), safe=False)  # of uint64, what is too large gets negative
        return pc.if_else(pc.greater_equal(column, 0), column, pa.scalar(None, pa.int64()))
    return _each(column, _whole)


def _whole(value: object) -> int | None:
    is_whole = isinstance(value, int | float) and value >= 0 and value % 1 == 0
    return int(value) if is_whole and isinstance(value, int | float) else None


def seconds(column: Any) -> Any:  # noqa: ANN401
    """Return times as int64, in seconds since 1970; without a time zone, they are in UTC."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("s", column.type.tz), safe=False).cast(pa.int64())
    if not _is_text(column):
        return pa.nulls(len(column), pa.int64())
    try:
        plain = pc.replace_substring_regex(column.cast(pa.binary()), _UTC, "").cast(pa.string())
        return plain.cast(pa.timestamp("ns")).cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    except pa.ArrowInvalid:
        return _each(column, _second)


def _second(value: object) -> int | None:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() // 1)


def are(column: Any, *, what: bool) -> Any:  # noqa: ANN401
    """Return which values are true, or false (`what`); NULL and any other text are neither."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if _is_text(column):
        wanted = pa.array([f(str(what).encode()) for f in _SPELLINGS], pa.binary())
        return pc.is_in(column.cast(pa.binary()), wanted).fill_null(False)
    return pc.equal(column.cast(pa.bool_()), what).fill_null(False)


def _is_text(column: Any) -> bool:  # noqa: ANN401
    import pyarrow as pa

    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    return any(is_kind(column.type) for is_kind in (*kinds, pa.types.is_large_binary))


def _each(column: Any, convert: Callable[[object], int | None]) -> Any:  # noqa: ANN401
    import pyarrow as pa

    values = (None if value is None else convert(value) for value in column.to_pylist())
    return pa.array(values, pa.int64())


def repeated(column: Any, convert: Callable[[str], str]) -> list[str]:  # noqa: ANN401
    """Return converted texts of a column with few different ones."""
    import pyarrow as pa

    encoded = column.cast(pa.binary()).fill_null(b"").dictionary_encode()
    converted = [convert(text) for text in texts(encoded.dictionary)]
    if len(converted) == 1:
        return converted * len(column)
    return [converted[at] for at in encoded.indices.to_pylist()]
