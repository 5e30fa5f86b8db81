"""What a deployment costs in a month, each line with its derivation.

What a file takes was counted, and tests/deploy/test_price.py counts it again. It is the dearest
way: each file is new, small, and asked about alone; a page asks about hundreds together, and a
duplicate ends after its check.
"""

from collections.abc import Iterable
from typing import NamedTuple

from onecopy.aws import prices

_GB = 1e9


class Taken(NamedTuple):
    """What one new file takes, from its probe to the event of its object."""

    requests: int = 4
    """To the API: probe, check, begin, complete."""
    events: int = 1
    """Invocations of the function that keeps the index equal to the bucket; ten share one."""
    reads: float = 7.5
    """Of DynamoDB, in read request units: half a unit each, a whole one if consistent."""
    writes: float = 4
    """In write request units."""
    puts: int = 1
    """Of S3."""
    heads: int = 2
    """Looks at the object: to complete, and after its event."""
    messages: int = 3
    """Requests of SQS: send, receive, delete."""


FILE = Taken()
CHECK = Taken(requests=2, events=0, reads=1.0, writes=0, puts=0, heads=1, messages=0)
"""What one takes that is there already: probe, check, and a look at its copy."""
RECORD = 1_400
"""Bytes of a record in DynamoDB, under a key of 60: four items, with 100 bytes more for each."""
ALARMS = 4
_LOOKS = 15 * 60 * 24 * 30
"""How often Lambda looks into a queue in a month: five that wait for 20 s each.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
_SECONDS = 0.05
"""Of one invocation, most of it waiting for DynamoDB and S3."""
_ANSWER = 2_000
"""Bytes of an answer of the API to one file; a signed request is most of it."""
_LOG = 400
"""Bytes that Lambda logs for each invocation."""


class Line(NamedTuple):
    """One line of the bill."""

    what: str
    amount: float
    dollars_each: float
    derived: str

    @property
    def dollars(self) -> float:
        """Of the month."""
        return self.amount * self.dollars_each


def monthly(files: int, records: int, each: Taken = FILE) -> list[Line]:
    """Return what so many files a month cost, in an index of so many records."""
    calls, events = files * each.requests, files * each.events
    seconds = (calls * 1.0 + events * 0.5) * _SECONDS
    return [
        _for_each("HTTP API", files, each.requests, "requests", prices.API_REQUEST),
        _for_each("CloudFront, requests", files, each.requests, "requests", prices.CDN_REQUEST),
        _per_gb("CloudFront, answers", calls, _ANSWER, prices.CDN_GB),
        _for_each(
            "Lambda, requests",
            files,
            each.requests + each.events,
            "invocations",
            prices.INVOCATION,
        ),
        Line(
            "Lambda, time",
            seconds,
            prices.GB_SECOND,
            f"{calls:,} × 1 GB × {_SECONDS} s + {events:,} × 0.5 GB × {_SECONDS} s = "
            f"{seconds:,.0f} GB-s × ${prices.GB_SECOND:.10f}",
        ),
        _for_each("DynamoDB, reads", files, each.reads, "units", prices.READ_UNIT),
        _for_each("DynamoDB, writes", files, each.writes, "units", prices.WRITE_UNIT),
        _per_gb("DynamoDB, storage", records, RECORD, prices.TABLE_GB),
        _per_gb("DynamoDB, recovery", records, RECORD, prices.RECOVERY_GB),
        _for_each("S3, puts", files, each.puts, "requests", prices.PUT),
        _for_each("S3, looks", files, each.heads, "requests", prices.GET),
        _for_each("SQS", files, each.messages, "requests", prices.MESSAGE),
        Line(
            "SQS, waiting",
            _LOOKS,
            prices.MESSAGE,
            f"15 a minute × 60 × 24 × 30 = {_LOOKS:,} requests × {_a_million(prices.MESSAGE)}",
        ),
        _per_gb("CloudWatch, logs", calls + events, _LOG, prices.LOG_GB),
        Line(
            "CloudWatch, alarms",
            ALARMS,
            prices.ALARM,
            f"{ALARMS} alarms = {ALARMS} × ${prices.ALARM}",
        ),
    ]


def _for_each(what: str, files: int, each: float, unit: str, dollars: float) -> Line:
    amount = files * each
    derived = f"{files:,} files × {each:g} = {amount:,.0f} {unit} × {_a_million(dollars)}"
    return Line(what, amount, dollars, derived)


def _a_million(dollars: float) -> str:
    return f"${dollars * 1e6:g} a million"


def _per_gb(what: str, number: int, size: int, dollars: float) -> Line:
    amount = number * size / _GB
    derived = f"{number:,} × {size:,} bytes = {amount:,.3f} GB × ${dollars:g}"
    return Line(what, amount, dollars, derived)


def total(lines: Iterable[Line]) -> float:
    """Return the sum in dollars."""
    return sum(line.dollars for line in lines)
