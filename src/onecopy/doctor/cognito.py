"""Examination of a Cognito user pool at which users sign in, who must not choose their tenant.

A user may write each attribute that any app client of the pool may write. If one of these names the
tenant, a user can be any tenant.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from onecopy.doctor.finding import Finding, advice, fine, wrong

_ISSUER = re.compile(r"https://cognito-idp\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([\w-]+)/?")
_STANDARD = frozenset(
    {
        *("address", "birthdate", "email", "family_name", "gender", "given_name", "locale"),
        *("middle_name", "name", "nickname", "phone_number", "picture", "preferred_username"),
        *("profile", "updated_at", "website", "zoneinfo"),
    }
)
"""Attributes that a client may write unless it lists those that it may."""
_ABOUT = "sign-in"
_RULE = "users must not be able to write the attribute that names their tenant or scopes"
_FIX = (
    "take away the write permission for it from every app client of the pool (attribute "
    "permissions), and check what users have written there"
)


def examine_sign_in(issuer: str, claims: Collection[str] = ()) -> Iterator[Finding]:
    """Check that users of a Cognito pool cannot write the claims that name their tenant and scopes.

    Without `claims`, which a service does not disclose, all custom attributes that they can write
    are named. Yields nothing for other issuers.
    """
    if found := _ISSUER.fullmatch(issuer):
        yield _examine_pool(found[1], found[2], claims)


def _examine_pool(region: str, pool: str, claims: Collection[str]) -> Finding:
    try:
        writable = _writable(region, pool)
    except Exception as error:  # noqa: BLE001 - boto3 is optional, and so are its permissions
        message = f"{_RULE}; the pool {pool} could not be checked: {error}"
        return advice(_ABOUT, message, "run `onecopy doctor` with AWS credentials for the pool")
    if found := [claim for claim in claims if claim in writable]:
        return wrong(_ABOUT, f"{_RULE}: those of {pool} can write {', '.join(found)}", _FIX)
    if claims:
        return fine(_ABOUT, f"users of {pool} cannot write {', '.join(claims)}")
    custom = sorted(name for name in writable if name.startswith("custom:"))
    if not custom:
        return fine(_ABOUT, f"users of {pool} can write no custom attribute")
    message = f"{_RULE}: those of {pool} can write {', '.join(custom)}"
    return advice(_ABOUT, message, f"if one of these names the tenant or scopes, {_FIX}")


def _writable(region: str, pool: str) -> set[str]:
    """Return the attributes that some app client of a pool may write."""
    from onecopy.aws.client import session_of

    client: Any = session_of().create_client("cognito-idp", region_name=region)
    pages = client.get_paginator("list_user_pool_clients").paginate(UserPoolId=pool)
    names: set[str] = set()
    for own in (each["ClientId"] for page in pages for each in page["UserPoolClients"]):
        found = client.describe_user_pool_client(UserPoolId=pool, ClientId=own)["UserPoolClient"]
        names |= set(found.get("WriteAttributes") or _STANDARD)
    return names
