"""Examination of a bucket's versioning, lifecycle and encryption."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from onecopy.aws.client import code_of, status_of
from onecopy.doctor.finding import Finding, advice, fine
from onecopy.doctor.lifecycle import examine_lifecycle
from onecopy.doctor.policy import FIX_PERMISSIONS
from onecopy.store.s3.address import Address
from onecopy.store.s3.store import S3Store

_Request = Callable[..., Any]
_Examine = Callable[[Address, Any], Iterator[Finding]]
_NOT_SET = frozenset(
    {"NoSuchLifecycleConfiguration", "ServerSideEncryptionConfigurationNotFoundError"}
)
"""Error codes for a setting that the bucket does not have."""


def examine_configuration(store: S3Store) -> Iterator[Finding]:
    """Report what versioning, lifecycle and encryption mean for our objects."""
    examinations: tuple[tuple[str, _Request, _Examine], ...] = (
        ("versioning", store.client.get_bucket_versioning, _examine_versioning),
        ("lifecycle", store.client.get_bucket_lifecycle_configuration, _examine_rules),
        ("encryption", store.client.get_bucket_encryption, _examine_encryption),
    )
    for about, request, examine in examinations:
        try:
            settings = request(Bucket=store.address.bucket)
        except ClientError as error:
            if code_of(error) not in _NOT_SET:
                yield _unreadable(about, error)
                continue
            settings = {}
        yield from examine(store.address, settings)


def _unreadable(about: str, error: ClientError) -> Finding:
    code, status = code_of(error), status_of(error)
    if status == 403:
        return advice(about, f"no permission to read this setting: {code}", FIX_PERMISSIONS)
    return advice(about, f"this service does not report it: it answered {code or status}")


def _examine_versioning(_: Address, settings: Any) -> Iterator[Finding]:  # noqa: ANN401 - boto3's
    if settings.get("Status") == "Enabled":
        yield fine("versioning", "on; objects that others delete or overwrite can be restored")
    else:
        yield fine("versioning", "off; objects that others delete or overwrite are lost")


def _examine_rules(address: Address, settings: Any) -> Iterator[Finding]:  # noqa: ANN401 - boto3's
    return examine_lifecycle(address, settings.get("Rules", []))


def _examine_encryption(address: Address, settings: Any) -> Iterator[Finding]:  # noqa: ANN401 - boto3's
    rules = settings.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
    by_default = next((each["SSEAlgorithm"] for each in defaults if each), None)
    algorithm = address.sse or by_default
    if algorithm is None or not algorithm.startswith("aws:kms"):
        yield fine("encryption", algorithm or "none by default")
        return
    yield advice(
        "encryption",
        f"{algorithm}: ETags are not MD5 then, so objects that onecopy did not upload are "
        "identified by a stored SHA-256, or by reading them",
        "allow the credentials to use the key: kms:GenerateDataKey and kms:Decrypt",
    )
