"""Which keys are kept as they are, and how they are listed."""

from tests.standins.facts.asking import (
    Place,
    answers,
    said,
    sha256,
)
from tests.standins.facts.presigned import put

KEYS = (
    "a b", "a+b", "a%2Fb", "ü", "u\u0308", "a&b=c", "a?b", "a#b", "a'b", 'a"b', "a\\b", "a*b",
    "日本", "🎈", "a//b", ".hidden", "a:b", "a|b", "trailing ", "a~b", "(a)",
    "<a>", "k" * 255, "k" * 256, "k" * 900,
)  # fmt: skip


@answers([])
def keys_refused_or_changed(place: Place) -> list[str]:
    return [key for key in KEYS if not _is_kept(place, f"{place.key}/{key}")]


def _is_kept(place: Place, key: str) -> bool:
    own = Place(place.standin, place.bucket, key)
    if own.send("PUT", "put_object", b"x", ChecksumSHA256=sha256(b"x")) != "200":
        return False
    listed = place.client.list_objects_v2(Bucket=place.bucket, Prefix=key).get("Contents", [])
    return [one["Key"] for one in listed] == [key] and said(own.head) == "done"


@answers(["a", "a-", "a/b", "a0", "b"])
def order_of_listed_keys(place: Place) -> list[str]:
    """Bytes decide, and pages continue where the last one ended."""
    for name in ("b", "a0", "a/b", "a-", "a"):
        put(Place(place.standin, place.bucket, f"{place.key}/{name}"))
    pages = place.client.get_paginator("list_objects_v2").paginate(
        Bucket=place.bucket, Prefix=f"{place.key}/", PaginationConfig={"PageSize": 2}
    )
    return [one["Key"].partition("/")[2] for page in pages for one in page.get("Contents", [])]


@answers(["200", "200", "done", "done"])
def key_below_a_key(place: Place) -> list[object]:
    below = Place(place.standin, place.bucket, f"{place.key}/below")
    return [put(place), put(below), said(place.head), said(below.head)]


@answers(["200", "200", "done", "done"])
def key_above_a_key(place: Place) -> list[object]:
    below = Place(place.standin, place.bucket, f"{place.key}/below")
    return [put(below), put(place), said(place.head), said(below.head)]


@answers("200")
def put_if_absent_above_a_key(place: Place) -> str:
    put(Place(place.standin, place.bucket, f"{place.key}/below"))
    return place.send("PUT", "put_object", b"x", IfNoneMatch="*", ChecksumSHA256=sha256(b"x"))


@answers("404")
def folder_of_a_key(place: Place) -> str:
    put(Place(place.standin, place.bucket, f"{place.key}/below"))
    return said(place.head)
