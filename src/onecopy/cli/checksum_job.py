"""`onecopy scan --plan-checksums`: the job that lets S3 compute the checksums of a bucket."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from onecopy.aws import prices
from onecopy.backends import opened_index, require_index
from onecopy.cli.progress import Display
from onecopy.cli.show import bytes_text, json_line, money_text
from onecopy.errors import InvalidSettings
from onecopy.index import Engine
from onecopy.index.listings import Listings
from onecopy.report.listed import listed_only
from onecopy.settings import Settings
from onecopy.store.s3.address import Address
from onecopy.text import count_text
from onecopy.urls import bare

_GB = 10**9
_PREFIX = "onecopy-checksums"
"""The prefix of manifest and report in their bucket."""


class _Total(NamedTuple):
    """The objects that the index knows."""

    objects: int = 0
    bytes: int = 0
    unknown: int = 0
    """Those without a content digest."""
    unknown_bytes: int = 0


def show_job(settings: Settings, *, as_json: bool) -> int:
    """Print the job, its role and its price; nothing is submitted. Return the exit code."""
    if not settings.store.startswith("s3://"):
        raise InvalidSettings(
            f"{bare(settings.store)} is no bucket: S3 computes checksums of the objects in a "
            "bucket; name it with --store s3://BUCKET"
        )
    address = Address.parse(settings.store)
    require_index(settings.index)
    with opened_index(settings) as index:
        total = _count(index)
    output = Display()
    if as_json:
        output.line(json_line(_values(total, address, settings)))
        return 0
    for line in _lines(total, address, settings):
        output.line(line)
    return 0


def _count(index: Engine) -> _Total:
    """Count what the index knows; reads all of it."""
    objects = size = unknown = unknown_size = 0
    for is_known, each in _sizes(index):
        objects, size = objects + 1, size + each
        if not is_known:
            unknown, unknown_size = unknown + 1, unknown_size + each
    return _Total(objects, size, unknown, unknown_size)


def _sizes(index: Engine) -> Iterator[tuple[bool, int]]:
    """Yield for each object whether its content digest is known, and its size."""
    yield from ((copy.content_digest is not None, copy.size) for _, copy in index.copies())
    tenants = index.tenants() if isinstance(index, Listings) else ()
    for tenant in tenants:
        yield from ((False, copy.size) for _, copy in listed_only(index, tenant))


def _dollars(total: _Total, settings: Settings) -> float:
    per_gb = settings.checksum_price or 0
    return prices.BATCH_JOB + total.objects * prices.BATCH_OBJECT + total.bytes / _GB * per_gb


def _values(total: _Total, address: Address, settings: Settings) -> dict[str, object]:
    return {
        "objects": total.objects,
        "bytes": total.bytes,
        "without_digest": total.unknown,
        "bytes_without_digest": total.unknown_bytes,
        "cost_usd": round(_dollars(total, settings), 6),
        "price_per_gb": settings.checksum_price,
        "job": _job(address),
        "trust_policy": _TRUST,
        "role_policy": _policy(address),
    }


def _lines(total: _Total, address: Address, settings: Settings) -> Iterator[str]:
    yield (
        f"objects  {count_text(total.objects, 'object')} known below {address.url}, "
        f"{bytes_text(total.bytes)}; {total.unknown:,} of them ({bytes_text(total.unknown_bytes)}) "
        "without a content digest"
    )
    known = settings.checksum_price is not None
    per_gb = (
        f"${settings.checksum_price:g} per GB"
        if known
        else "without what S3 charges per GB, which is not known here: set checksum_price"
    )
    yield (
        f"cost     {'' if known else 'at least '}{money_text(_dollars(total, settings))}: "
        f"${prices.BATCH_JOB} for the job and ${prices.BATCH_OBJECT * 1e6:g} per million objects "
        f"({prices.DATED}); {per_gb}"
    )
    yield "replace  ACCOUNT by the number of the account, ROLE and REPORTS by a role and a bucket"
    yield f"trust    {_compact(_TRUST)}"
    yield f"policy   {_compact(_policy(address))}"
    yield f"job      {_compact(_job(address))}"
    yield "submit   aws s3control create-job --cli-input-json 'the job'"
    yield (
        "then     onecopy scan --from s3://REPORTS/" + _PREFIX + "/job-ID/manifest.json "
        "--job-start CREATION_TIME, both as in `aws s3control describe-job`"
    )


def _compact(value: object) -> str:
    return json.dumps(value)


_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "batchoperations.s3.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
"""Lets S3 Batch Operations assume the role."""


def _policy(address: Address) -> dict[str, object]:
    """Return what the role may do: read the objects, and write manifest and report.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-iam-role-policies.html
    """
    bucket = f"arn:aws:s3:::{address.bucket}"
    allowed = [
        (["s3:GetObject", "s3:GetObjectVersion"], f"{bucket}/{address.prefix}*"),
        (["s3:PutInventoryConfiguration"], bucket),
        (
            ["s3:PutObject", "s3:GetObject", "s3:GetObjectVersion"],
            f"arn:aws:s3:::REPORTS/{_PREFIX}/*",
        ),
    ]
    statements = [
        {"Effect": "Allow", "Action": actions, "Resource": resource}
        for actions, resource in allowed
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _job(address: Address) -> dict[str, object]:
    """Return the input of CreateJob: S3 itself lists the objects of which it computes SHA-256.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateJob.html
    """
    generator: dict[str, object] = {
        "SourceBucket": f"arn:aws:s3:::{address.bucket}",
        "EnableManifestOutput": False,
    }
    if address.prefix:
        generator["Filter"] = {"KeyNameConstraint": {"MatchAnyPrefix": [address.prefix]}}
    return {
        "AccountId": "ACCOUNT",
        "ConfirmationRequired": True,
        "Description": f"SHA-256 of {address.url}, for onecopy",
        "Operation": {
            "S3ComputeObjectChecksum": {
                "ChecksumAlgorithm": "SHA256",
                "ChecksumType": "FULL_OBJECT",
            }
        },
        "ManifestGenerator": {"S3JobManifestGenerator": generator},
        "Report": {
            "Bucket": "arn:aws:s3:::REPORTS",
            "Prefix": _PREFIX,
            "Format": "Report_CSV_20180820",
            "Enabled": True,
            "ReportScope": "AllTasks",
        },
        "Priority": 10,
        "RoleArn": "ROLE",
    }
