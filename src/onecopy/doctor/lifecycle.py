"""Examination of a bucket's lifecycle rules: what they do to our uploads and objects.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from onecopy.doctor.finding import Finding, advice, fine, wrong
from onecopy.store.s3.address import Address
from onecopy.text import count_text

DAYS = 8
"""Days after which no upload is resumed: its ticket can be renewed for seven days."""


def abort_rule(prefix: str) -> dict[str, Any]:
    """Return the rule with which the bucket aborts unfinished uploads."""
    return {
        "ID": "onecopy-unfinished",
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": DAYS},
    }


def examine_lifecycle(address: Address, rules: Sequence[Any]) -> Iterator[Finding]:
    """Report what the lifecycle rules of a bucket do to uploads and objects."""
    enabled = [rule for rule in rules if rule["Status"] == "Enabled"]
    yield _examine_aborting(address, rules, enabled)
    deleting = [rule for rule in enabled if _deletes(rule, address.prefix)]
    for rule in deleting:
        below = _prefix_of(rule) or "the whole bucket"
        yield wrong(
            "expiry",
            f"the lifecycle rule {rule.get('ID', '?')!r} deletes objects ({below}): the stored "
            "copy of a duplicate could be deleted any day",
            f"exclude {address.prefix or 'this bucket'} from that rule, or give the store a prefix "
            "of its own",
        )
    if not deleting:
        yield fine("expiry", "no lifecycle rule deletes objects of the store")


def _deletes(rule: Any, prefix: str) -> bool:  # noqa: ANN401 - boto3's
    """Whether a rule deletes objects below the prefix after some time."""
    below = _prefix_of(rule)
    expires = not {"Days", "Date"}.isdisjoint(rule.get("Expiration", {}))
    return expires and (below.startswith(prefix) or prefix.startswith(below))


def _examine_aborting(address: Address, rules: Sequence[Any], enabled: Sequence[Any]) -> Finding:
    days = [
        rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        for rule in enabled
        if "AbortIncompleteMultipartUpload" in rule and address.prefix.startswith(_prefix_of(rule))
    ]
    if not days:
        message = "unfinished uploads stay, and cost money, until they are aborted"
        command = put_command(address, [*rules, abort_rule(address.prefix)])
        fix = f"run `onecopy doctor --abort-stale` regularly, or let the bucket do it:\n{command}"
        return advice("unfinished", message, fix)
    message = f"the bucket aborts unfinished uploads after {count_text(min(days), 'day')}"
    if min(days) < DAYS:
        fix = f"set that lifecycle rule to {DAYS} days"
        return advice("unfinished", f"{message}: later none can be resumed", fix)
    return fine("unfinished", message)


def put_command(address: Address, rules: Sequence[Any]) -> str:
    """Return the command that replaces all lifecycle rules of a bucket with these."""
    where = f" --endpoint-url {address.endpoint}" if address.endpoint else ""
    text = json.dumps({"Rules": list(rules)}, default=lambda date: date.isoformat())
    return (
        f"aws s3api put-bucket-lifecycle-configuration{where} --bucket {address.bucket} "
        f"--lifecycle-configuration {shlex.quote(text)}"
    )


def _prefix_of(rule: Any) -> str:  # noqa: ANN401 - boto3's
    """Return the prefix of a rule; rules of the old form have it outside the filter."""
    chosen = rule.get("Filter", {})
    prefix: str = (
        chosen.get("Prefix") or chosen.get("And", {}).get("Prefix") or rule.get("Prefix") or ""
    )
    return prefix
