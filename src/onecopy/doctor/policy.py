"""The minimal IAM policy for our credentials.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from typing import Any

from onecopy.store.s3.address import Address

OBJECTS = (
    "s3:AbortMultipartUpload",
    "s3:GetObject",
    "s3:GetObjectAttributes",
    "s3:GetObjectVersion",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)
"""Permissions on objects. No s3:DeleteObject, because nothing is ever deleted."""
LISTS = ("s3:ListBucket", "s3:ListBucketMultipartUploads")
EXAMINED = (
    "s3:GetBucketCORS",
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:PutBucketCORS",
)
"""Permissions on the bucket, only for `onecopy doctor`."""
FIX_PERMISSIONS = "grant the credentials the policy that `onecopy doctor --policy` prints"
"""The fix if a permission is missing."""
_KMS = ("kms:Decrypt", "kms:GenerateDataKey")
_ESCAPED = str.maketrans({"*": "${*}", "?": "${?}", "$": "${$}"})


def policy(address: Address) -> dict[str, Any]:
    """Return the policy for a bucket and prefix."""
    bucket = f"arn:aws:s3:::{address.bucket}"
    prefix = address.prefix.translate(_ESCAPED)
    lists = _allow("OnecopyLists", LISTS, bucket)
    if prefix:
        # With permission to list its name, a HeadObject of an absent object answers 404, not 403.
        lists["Condition"] = {"StringLike": {"s3:prefix": f"{prefix}*"}}
    statements = [
        lists,
        _allow("OnecopyObjects", OBJECTS, f"{bucket}/{prefix}*"),
        _allow("OnecopyDoctor", EXAMINED, bucket),
    ]
    if address.sse_key:
        statements.append(_allow("OnecopyKey", _KMS, address.sse_key))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(name: str, actions: tuple[str, ...], resource: str) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": resource}
