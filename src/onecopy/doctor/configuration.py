"""Examination of a bucket's versioning, lifecycle and encryption."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from onecopy.aws.client import code_of, status_of
from onecopy.doctor.finding import Finding, advice, fine
from onecopy.doctor.lifecycle import examine_lifecycle
from onecopy.doctor.policy import FIX_PERMISSIONS
from onecopy.store.s3.store import S3Store


def examine_configuration(store: S3Store) -> Iterator[Finding]:
    """Report what versioning, lifecycle and encryption mean for our objects."""
    client, address = store.client, store.address
    bucket = {"Bucket": address.bucket}
    versioning = _settings("versioning", lambda: client.get_bucket_versioning(**bucket))
    if isinstance(versioning, Finding):
        yield versioning
    elif versioning.get("Status") == "Enabled":
        yield fine("versioning", "on; objects that others delete or overwrite can be restored")
    else:
        yield fine("versioning", "off; objects that others delete or overwrite are lost")
    lifecycle = _settings("lifecycle", lambda: client.get_bucket_lifecycle_configuration(**bucket))
    if isinstance(lifecycle, Finding):
        yield lifecycle
    else:
        yield from examine_lifecycle(address, lifecycle.get("Rules", []))
    encryption = _settings("encryption", lambda: client.get_bucket_encryption(**bucket))
    yield encryption if isinstance(encryption, Finding) else _encryption(store, encryption)


def _encryption(store: S3Store, answer: Any) -> Finding:  # noqa: ANN401 - boto3's
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
    by_default = next((each["SSEAlgorithm"] for each in defaults if each), None)
    algorithm = store.address.sse or by_default
    if algorithm is None or not algorithm.startswith("aws:kms"):
        return fine("encryption", algorithm or "none by default")
    return advice(
        "encryption",
        f"{algorithm}: ETags are not MD5 then, so objects that onecopy did not upload are "
        "identified by a stored SHA-256, or by reading them",
        "allow the credentials to use the key: kms:GenerateDataKey and kms:Decrypt",
    )


def _settings(about: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - boto3's
    """Return a setting of the bucket, or a finding if it cannot be read."""
    try:
        return call()
    except ClientError as error:
        code, status = code_of(error), status_of(error)
        if code in (
            "NoSuchLifecycleConfiguration",
            "ServerSideEncryptionConfigurationNotFoundError",
        ):
            return {}
        if status == 403:
            return advice(about, f"we may not read this setting: {code}", FIX_PERMISSIONS)
        return advice(about, f"this service does not report it: it answered {code or status}")
