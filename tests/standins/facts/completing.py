"""Completing an upload: what is checked, who wins, what a second time answers."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.standins.facts.asking import (
    FIRST,
    LAST,
    PART,
    THREADS,
    Place,
    answers,
    composite,
    put_x,
    race,
    said,
    sha256,
)
from tests.standins.facts.uploads import upload


@answers("400 InvalidPart")
def complete_with_other_checksum(place: Place) -> str:
    begun = upload(place)
    wrong = [begun.parts[0], {**begun.parts[1], "ChecksumSHA256": sha256(b"other")}]
    return said(lambda: begun.complete(parts=wrong))


@answers("400 InvalidRequest")
def complete_without_checksums(place: Place) -> str:
    begun = upload(place)
    bare = [{name: one[name] for name in ("PartNumber", "ETag")} for one in begun.parts]
    return said(lambda: begun.complete(parts=bare))


@answers("400 InvalidPart")
def complete_with_other_etag(place: Place) -> str:
    begun = upload(place)
    wrong = [begun.parts[0], {**begun.parts[1], "ETag": f'"{"0" * 32}"'}]
    return said(lambda: begun.complete(parts=wrong))


@answers("400 InvalidPart")
def complete_with_missing_part(place: Place) -> str:
    begun = upload(place)
    return said(lambda: begun.complete(parts=[*begun.parts, {**begun.parts[1], "PartNumber": 3}]))


@answers("400 InvalidPartOrder")
def complete_in_other_order(place: Place) -> str:
    begun = upload(place)
    return said(lambda: begun.complete(parts=begun.parts[::-1]))


@answers([PART, sha256(hashlib.sha256(FIRST).digest()) + "-1"])
def complete_leaves_parts_out(place: Place) -> list[object]:
    begun = upload(place)
    begun.complete(parts=begun.parts[:1])
    found = place.head(ChecksumMode="ENABLED")
    return [found["ContentLength"], found.get("ChecksumSHA256")]


@answers("400 EntityTooSmall")
def complete_with_small_part(place: Place) -> str:
    return said(upload(place, b"small", b"last").complete)


@answers("done")
def complete_with_uneven_parts(place: Place) -> str:
    return said(upload(place, FIRST, FIRST + b"x", LAST).complete)


@answers(["done", "400 InvalidRequest"])
def complete_with_object_size(place: Place) -> list[str]:
    size = len(FIRST + LAST)
    return [_completed(place, MpuObjectSize=given) for given in (size, size + 1)]


@answers(["done", "400 BadDigest"])
def complete_with_composite(place: Place) -> list[str]:
    return [
        _completed(place, ChecksumSHA256=given, ChecksumType="COMPOSITE")
        for given in (composite(FIRST, LAST), composite(LAST, FIRST))
    ]


def _completed(place: Place, **params: object) -> str:
    return said(lambda: upload(place).complete(**params))


@answers(["done", "412 PreconditionFailed"])
def complete_if_absent(place: Place) -> list[str]:
    return [said(lambda: upload(place).complete(IfNoneMatch="*")) for _ in range(2)]


@answers(2)
def parts_left_after_refused_complete(place: Place) -> int:
    put_x(place)
    begun = upload(place)
    said(lambda: begun.complete(IfNoneMatch="*"))
    return len(begun.listed().get("Parts", []))


@answers("one")
def completes_that_win(place: Place) -> str:
    def begin(own: Place, number: int) -> Callable[[], bool]:
        begun = upload(own, str(number).encode())
        return lambda: said(lambda: begun.complete(IfNoneMatch="*")) == "done"

    # SeaweedFS lets several win in a third of the rounds.
    return race(place, 30, begin)


@answers(["done", len(FIRST + LAST), composite(FIRST, LAST)])
def completes_of_one_upload_at_once(place: Place) -> list[object]:
    begun = upload(place)
    with ThreadPoolExecutor(THREADS) as pool:
        results = pool.map(lambda _: said(begun.complete), range(THREADS))
    found = place.head(ChecksumMode="ENABLED")
    return [
        "done" if "done" in [*results] else "none",
        found["ContentLength"],
        found.get("ChecksumSHA256"),
    ]


@answers("404 NoSuchUpload")
def complete_twice(place: Place) -> str:
    begun = upload(place)
    begun.complete()
    return said(begun.complete)


@answers("412 PreconditionFailed")
def complete_twice_if_absent(place: Place) -> str:
    begun = upload(place)
    begun.complete(IfNoneMatch="*")
    return said(lambda: begun.complete(IfNoneMatch="*"))
