"""Speed of listing a bucket, compared with a bare boto3 paginator.

    python benchmarks/list_bucket.py [--objects N] [--rounds N] [--server seaweedfs|ministack]

One S3 server on the loopback interface (one that the tests use) has N objects of 0.3 to 4 KB in 20
folders. They are listed by boto3, by onecopy on one connection, and by onecopy on 2, 4 and 8 spans,
which `split` finds, each in a thread. All take turns, and the best round of each counts. Then pages
as SeaweedFS and AWS write them are parsed from memory. Targets: 2.2 times boto3 on one connection,
and 200,000 keys/s of CPU time from memory. Other programs on the same cores change every ratio:
compare the CPU times, too.
"""

import argparse
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.gate.bucket import open_bucket
from tests.standins import SERVERS, Standin

from onecopy.listing import EVERYTHING, Span
from onecopy.own_files import OwnFiles
from onecopy.store.s3.list_entries import entries_of
from onecopy.store.s3.list_parser import parse
from onecopy.store.s3.store import S3Store

OBJECTS = 20_000
FOLDERS = 20
SPANS = (2, 4, 8)
PREFIX = "some/prefix"
_PAGE, _PAGES = 1000, 50
_TARGET_RATIO, _TARGET_PARSED = 2.2, 200_000


def fill(server: Standin, bucket: str, count: int) -> None:
    """Put objects into a bucket; their keys have about 60 bytes."""
    client, chance = server.client(), random.Random(1)
    sizes = [chance.randint(300, 4000) for _ in range(count)]

    def put(number: int) -> None:
        client.put_object(Bucket=bucket, Key=f"{PREFIX}/{key(number, count)}", Body=body(number))

    def body(number: int) -> bytes:
        return number.to_bytes(8) + bytes(sizes[number] - 8)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(count)))


def key(number: int, count: int) -> str:
    """Return one of `count` keys."""
    folder = number * FOLDERS // count
    return f"archive-{folder:03}/holidays-in-the-mountains/photograph-{number:08}.jpeg"


def by_boto3(server: Standin, bucket: str) -> int:
    """List by the paginator of boto3."""
    pages = server.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
    return sum(len(page.get("Contents", ())) for page in pages) - 1  # the marker


def listed(store: S3Store, span: Span = EVERYTHING) -> int:
    """List a span."""
    return sum(len(page.copies) for page in store.list_pages(span, OwnFiles()))


def in_spans(store: S3Store, count: int) -> int:
    """Divide everything into spans and list each in a thread."""
    spans = [EVERYTHING]
    with ThreadPoolExecutor(count) as pool:
        while len(spans) < count:
            keys = list(pool.map(store.split, spans))
            spans = [
                half for span, key in zip(spans, keys, strict=True) for half in halves(span, key)
            ]
        return sum(pool.map(partial(listed, store), spans))


def halves(span: Span, key: str | None) -> Iterator[Span]:
    """Yield both halves of a span."""
    if key is None:
        raise RuntimeError(f"{span} cannot be divided")
    yield Span(span.after, key)
    yield Span(key, span.through)


def timed(call: Callable[[], int], expected: int) -> tuple[float, float]:
    """Return wall time and our own CPU time of a call in seconds."""
    began, cpu = time.perf_counter(), _cpu()
    if (count := call()) != expected:
        raise RuntimeError(f"{count} objects were listed, not {expected}")
    return time.perf_counter() - began, _cpu() - cpu


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def compare(server: Standin, count: int, rounds: int) -> None:
    """List in each way, and print the best rounds."""
    bucket = server.bucket()
    fill(server, bucket, count)
    store = open_bucket(server, bucket, PREFIX)
    store.identify(create=True)
    ways: dict[str, Callable[[], int]] = {
        "boto3 paginator": partial(by_boto3, server, bucket),
        "onecopy, one connection": partial(listed, store),
    }
    ways |= {f"onecopy, {spans} spans": partial(in_spans, store, spans) for spans in SPANS}
    best: dict[str, tuple[float, float]] = {}
    requests: dict[str, int] = {}
    for _ in range(rounds):
        for name, call in ways.items():
            before = store.list_requests
            best[name] = min(best.get(name, (1e9, 0.0)), timed(call, count))
            requests[name] = store.list_requests - before or -(-(count + 1) // _PAGE)
    floor = best["boto3 paginator"][0]
    for name, (seconds, cpu) in best.items():
        print(
            f"{name:26} {count / seconds:8,.0f} keys/s  {floor / seconds:5.2f} x boto3"
            f"  {cpu:5.2f} s CPU  {requests[name]:4} requests"
        )
    ratio = floor / best["onecopy, one connection"][0]
    print(f"at least {_TARGET_RATIO} x boto3: {ratio >= _TARGET_RATIO}")
    store.close()


def page(style: str) -> bytes:
    """Return a page as SeaweedFS or AWS writes it."""
    quote = {"SeaweedFS": "&#34;", "AWS": "&quot;"}[style]
    checksum = (
        "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
    )
    objects = [
        f"<Contents><Key>{PREFIX}/{key(number, _PAGE)}</Key>"
        f"<LastModified>2026-11-29T06:{number // 60:02}:{number % 60:02}.000Z</LastModified>"
        f"<ETag>{quote}{number:032x}{quote}</ETag>{checksum if style == 'AWS' else ''}"
        f"<Size>{number + 300}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for number in range(_PAGE)
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
        f"<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>{''.join(objects)}"
        "</ListBucketResult>"
    ).encode()


def parsed(data: bytes) -> int:
    """Parse a page several times."""
    found = (entries_of(parse(data).columns, f"{PREFIX}/") for _ in range(_PAGES))
    return sum(len(each.copies) for each in found)


def parsing(rounds: int) -> None:
    """Parse pages from memory, into listed copies."""
    for style in ("SeaweedFS", "AWS"):
        call = partial(parsed, page(style))
        seconds = min(timed(call, _PAGES * _PAGE)[1] for _ in range(rounds))
        rate = _PAGES * _PAGE / seconds
        verdict = f"at least {_TARGET_PARSED:,}: {rate >= _TARGET_PARSED}"
        print(f"pages of {style} from memory {rate:10,.0f} keys/s of CPU time ({verdict})")


def main() -> None:
    """Compare, and print."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--objects", type=int, default=OBJECTS)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--server", choices=SERVERS, default="seaweedfs")
    chosen = arguments.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, best of {chosen.rounds} rounds")
    parsing(chosen.rounds)
    with SERVERS[chosen.server]() as server:
        compare(server, chosen.objects, chosen.rounds)


if __name__ == "__main__":
    main()
