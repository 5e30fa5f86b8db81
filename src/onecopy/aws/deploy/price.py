"""The monthly cost of a deployment, as line items with their derivation.

The usage per file is measured by tests/deploy/test_price.py. It is an upper bound: each file is
new, small and checked alone, while a page checks hundreds together and a duplicate needs no upload.
"""

from collections.abc import Iterable
from typing import NamedTuple

from onecopy.aws import prices
from onecopy.digest import MiB
from onecopy.text import count_text

_GB = 1e9


class Usage(NamedTuple):
    """Usage of AWS per file; the defaults are for a new one, from probe to bucket event."""

    requests: int = 4
    """Requests to the API: probe, check, begin, complete."""
    events: int = 1
    """Invocations of the events function; up to ten events share one."""
    reads: float = 8.5
    """DynamoDB read request units: half a unit per read, a whole one if strongly consistent."""
    writes: float = 4
    """DynamoDB write request units."""
    puts: int = 1
    """Objects put into S3."""
    heads: int = 2
    """HEAD requests to S3: to complete, and after the event."""
    messages: int = 3
    """Requests to SQS: send, receive, delete."""


FILE = Usage()
CHECK = Usage(requests=2, events=0, reads=1.0, writes=0, puts=0, heads=1, messages=0)
"""Usage per file that is already stored: probe, check, and a HEAD of its copy."""
RECORD = 1_400
"""Bytes of a record in DynamoDB with a key of 60: four items, each with an overhead of 100."""
ALARMS = 4
"""Without confirming; with it, there is one more, and a second queue."""
_POLLS = 15 * 60 * 24 * 30
"""Requests a month with which Lambda polls an empty queue: five pollers that wait for 20 s each.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
_INVOCATION_SECONDS = 0.05
"""Duration of one invocation; most of it is waiting for DynamoDB and S3."""
_RESPONSE_BYTES = 2_000
"""Size of a response of the API for one file; most of it is a signed request."""
_LOG_BYTES = 400
"""Size of the log of one invocation."""

_READ_RATE = 70e6
"""Bytes per second that one invocation with 1 GB of memory reads: the network of a function."""
_PIECE, _RANGE = 8 * MiB, 256 * MiB
"""Bytes that one GetObject reads, and one message names."""
_RANGE_WRITES, _RANGE_READS, _RANGE_MESSAGES = 9, 11, 3
"""Units and requests for each range; see tests/deploy/test_price.py."""


class LineItem(NamedTuple):
    """One line of the bill."""

    what: str
    amount: float
    dollars_each: float
    derived: str

    @property
    def dollars(self) -> float:
        """US dollars a month."""
        return self.amount * self.dollars_each


def monthly(
    files: int, records: int, each: Usage = FILE, *, confirms: bool = True
) -> list[LineItem]:
    """Return the cost of checking `files` files a month, in an index of `records` records.

    `confirms`: whether a function reads large copies; what it reads costs more, see `confirming`.
    """
    queues, alarms = 1 + confirms, ALARMS + confirms
    calls, events = files * each.requests, files * each.events
    invocations = each.requests + each.events
    seconds = (calls * 1.0 + events * 0.5) * _INVOCATION_SECONDS
    return [
        _for_each("HTTP API", files, each.requests, "requests", prices.API_REQUEST),
        _for_each("CloudFront, requests", files, each.requests, "requests", prices.CDN_REQUEST),
        _per_gb("CloudFront, responses", calls, _RESPONSE_BYTES, prices.CDN_GB),
        _for_each("Lambda, requests", files, invocations, "invocations", prices.INVOCATION),
        LineItem(
            "Lambda, time",
            seconds,
            prices.GB_SECOND,
            f"({calls:,} × 1 GB + {events:,} × 0.5 GB) × {_INVOCATION_SECONDS} s = "
            f"{seconds:,.0f} GB-s × ${prices.GB_SECOND:.10f}",
        ),
        _for_each("DynamoDB, reads", files, each.reads, "units", prices.READ_UNIT),
        _for_each("DynamoDB, writes", files, each.writes, "units", prices.WRITE_UNIT),
        _per_gb("DynamoDB, storage", records, RECORD, prices.TABLE_GB),
        _per_gb("DynamoDB, recovery", records, RECORD, prices.RECOVERY_GB),
        _for_each("S3, puts", files, each.puts, "requests", prices.PUT),
        _for_each("S3, heads", files, each.heads, "requests", prices.GET),
        _for_each("SQS", files, each.messages, "requests", prices.MESSAGE),
        LineItem(
            "SQS, polling",
            queues * _POLLS,
            prices.MESSAGE,
            f"{count_text(queues, 'queue')} × 15 a minute × 60 × 24 × 30 = {queues * _POLLS:,} "
            f"requests × {_a_million(prices.MESSAGE)}",
        ),
        _per_gb("CloudWatch, logs", calls + events, _LOG_BYTES, prices.LOG_GB),
        LineItem(
            "CloudWatch, alarms",
            alarms,
            prices.ALARM,
            f"{alarms} alarms = {alarms} × ${prices.ALARM}",
        ),
    ]


def confirming() -> float:
    """Return the dollars for each TB (10^12 bytes) that is read to confirm large copies.

    In the bucket's region, where neither S3 nor Lambda charges for the bytes themselves.
    """
    seconds, gets, ranges = (1e12 / each for each in (_READ_RATE, _PIECE, _RANGE))
    one_range = (
        _RANGE_WRITES * prices.WRITE_UNIT
        + _RANGE_READS * prices.READ_UNIT
        + _RANGE_MESSAGES * prices.MESSAGE
        + prices.INVOCATION
        + prices.GET
    )
    return seconds * prices.GB_SECOND + gets * prices.GET + ranges * one_range


def _for_each(what: str, files: int, each: float, unit: str, dollars: float) -> LineItem:
    amount = files * each
    derived = (
        f"{count_text(files, 'file')} × {each:g} = {amount:,.0f} {unit} × {_a_million(dollars)}"
    )
    return LineItem(what, amount, dollars, derived)


def _a_million(dollars: float) -> str:
    return f"${dollars * 1e6:g} a million"


def _per_gb(what: str, number: int, size: int, dollars: float) -> LineItem:
    amount = number * size / _GB
    derived = f"{number:,} × {size:,} bytes = {amount:,.3f} GB × ${dollars:g}"
    return LineItem(what, amount, dollars, derived)


def total(lines: Iterable[LineItem]) -> float:
    """Return the sum in US dollars."""
    return sum(line.dollars for line in lines)
