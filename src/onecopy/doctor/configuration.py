"""What a bucket is configured to do with objects, and what that means for ours."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from onecopy.aws.client import code_of, status_of
from onecopy.doctor.finding import Finding, advice, fine
from onecopy.doctor.lifecycle import examine_lifecycle
from onecopy.doctor.policy import MEND
from onecopy.store.s3.store import S3Store


def examine_configuration(store: S3Store) -> Iterator[Finding]:
    """Say what versioning, lifecycle and encryption mean for us."""
    client, address = store.client, store.address
    place = {"Bucket": address.bucket}
    versioning = _asked("versioning", lambda: client.get_bucket_versioning(**place))
    if isinstance(versioning, Finding):
        yield versioning
    elif versioning.get("Status") == "Enabled":
        yield fine("versioning", "on; what somebody else deletes or overwrites can be had back")
    else:
        yield fine("versioning", "off; what somebody else deletes or overwrites is gone")
    lifecycle = _asked("lifecycle", lambda: client.get_bucket_lifecycle_configuration(**place))
    if isinstance(lifecycle, Finding):
        yield lifecycle
    else:
        yield from examine_lifecycle(address, lifecycle.get("Rules", []))
    encryption = _asked("encryption", lambda: client.get_bucket_encryption(**place))
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
        f"{algorithm}: ETags are no MD5 then, so that objects of others are identified by a stored "
        "SHA-256, or by being read",
        "let the credentials use the key: kms:GenerateDataKey and kms:Decrypt",
    )


def _asked(about: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - boto3's
    """Return what a bucket says of itself, or a finding that says why it does not."""
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
            return advice(about, f"we may not see it: {code}", MEND)
        return advice(about, f"this service does not tell: it answers {code or status}")
