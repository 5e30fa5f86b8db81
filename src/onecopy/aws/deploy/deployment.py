"""Deploying and removing, step by step. Every step is repeatable: a new run resumes an old one."""

from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple, cast

import botocore.exceptions as boto

from onecopy.aws.client import code_of
from onecopy.aws.deploy import notifications, secret
from onecopy.aws.deploy.account import Account, translated
from onecopy.aws.deploy.artifacts import Artifacts, bucket_exists
from onecopy.aws.deploy.choices import Choices, Names, store_options
from onecopy.aws.deploy.health import TEST_EVENTS, check_start
from onecopy.aws.deploy.package import Target, build
from onecopy.aws.deploy.plan import TEMPLATE
from onecopy.aws.deploy.runtimes import require_usable, today
from onecopy.aws.deploy.stack import Report, Stack
from onecopy.claims import ClaimRule, check_tenants
from onecopy.counted import stop_counting
from onecopy.doctor.cognito import examine_sign_in
from onecopy.doctor.cors import examine_cors
from onecopy.doctor.finding import State
from onecopy.errors import InvalidSettings
from onecopy.gate import bind
from onecopy.http.options import PAGE
from onecopy.index import Engine, open_index
from onecopy.store import open_store
from onecopy.store.s3.address import Address
from onecopy.store.s3.store import S3Store
from onecopy.tokens import create_token, has_tokens

_BUCKET, _TABLE = "UploadBucket", "IndexTable"
"""Their logical names in the template."""


class Deployed(NamedTuple):
    """The result of deploying."""

    url: str
    """URL of the page."""
    index_url: str
    """URL of the index, for `onecopy token` and `onecopy scan`."""
    is_changed: bool
    """Whether this run changed anything."""
    token: str | None = None
    """The first token, if this run created it."""
    dns: tuple[str, str] | None = None
    """The custom domain, and the domain to which its DNS must point."""


class Remaining(NamedTuple):
    """The resources that remain after removing."""

    bucket: str | None
    table: str | None


class Deployment:
    """One deployment in an account."""

    def __init__(self, account: Account, choices: Choices, report: Report) -> None:
        self._account = account
        self._choices = choices
        self._report = report
        self._names = Names(choices.name, account.id, account.region)
        self._stack = Stack(account.cloudformation, choices.name, report)
        self._artifacts = Artifacts(account, self._names.artifacts, choices.name)

    def deploy(self) -> Deployed:
        """Create the deployment, or update it."""
        with translated():
            self._stack.settle()
            parameters = self._parameters(self._stack.parameters())
            changed = [
                secret.create(self._account.ssm, self._names.secret),
                self._stack.apply(TEMPLATE.read_text("utf-8"), parameters),
            ]
            current, outputs = self._stack.parameters(), self._stack.outputs()
            # The page comes last, since it needs everything else.
            changed += [self._attach(current, outputs), self._artifacts.put_page(PAGE) > 0]
            self._bind(current)
            self._check_functions()
            self._check_sign_in(current)
            token = self._first_token(current)
        domain = current["Domain"]
        dns = (domain, outputs["DistributionDomain"]) if domain else None
        is_changed = any(changed) or token is not None
        return Deployed(outputs["Url"], self._index_url(current), is_changed, token, dns)

    def require_exists(self, *, index: bool) -> None:
        """Raise InvalidSettings if there is nothing to remove; with `index`, that counts, too.

        An interrupted run may have left something without the stack.
        """
        names, account = self._names, self._account
        with translated():
            if (
                self._stack.describe() is None
                and not self._artifacts.exists()
                and not secret.exists(account.ssm, names.secret)
                and not (index and self._has_table())
            ):
                raise InvalidSettings(
                    f"no such stack: {names.name} in {names.region}, account {names.account}; "
                    "check --name, AWS_REGION and AWS_PROFILE"
                )

    def remove(self, *, index: bool) -> Remaining:
        """Remove everything but the objects and the index; with `index`, remove that, too."""
        names, account = self._names, self._account
        with translated():
            self._stack.settle()
            current, outputs = self._stack.parameters(), self._stack.outputs()
            bucket = current.get("Bucket", names.uploads)
            has_bucket = self._has_bucket(bucket)
            if has_bucket and "EventsQueueArn" in outputs:
                notifications.unsubscribe(account.s3, bucket, outputs["EventsQueueArn"])
            self._stack.remove()
            if self._artifacts.remove():
                self._report(f"{self._artifacts.bucket}: deleted, with the page and the package")
            secret.remove(account.ssm, names.secret)
            has_table = self._has_table() and not (index and self._delete_table())
        return Remaining(bucket if has_bucket else None, names.table if has_table else None)

    def rotate_secret(self) -> None:
        """Sign tickets with a new secret."""
        with translated():
            secret.rotate(self._account.ssm, self._names.secret)

    # The parameters of the stack

    def _parameters(self, before: Mapping[str, str]) -> dict[str, str]:
        """Build and upload the package; return the parameters that may have changed."""
        chosen = self._choices.parameters
        _check_together({**before, **chosen})
        location = self._location(before)
        self._check_tenants({**before, **location, **chosen})
        target = _target({**before, **chosen})
        if self._account.is_amazons:
            require_usable(target.python, today(), is_new=not before)
        package = build(target)
        self._artifacts.create()
        return {
            **({} if before else {"Certificate": ""}),  # has no default, which would be no ARN
            **location,
            **chosen,
            "Artifacts": self._artifacts.bucket,
            "Package": self._artifacts.put_package(package),
            "SecretParameter": self._names.secret,
            "BucketOrigin": self._origin({**before, **location}),
        }

    def _location(self, before: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters for bucket and table, and whether the stack creates them."""
        chosen, names = self._choices.store, self._names
        bucket = chosen.bucket if chosen else before.get("Bucket", names.uploads)
        prefix = chosen.prefix if chosen else before.get("Prefix", "")
        if before and (before["Bucket"], before["Prefix"]) != (bucket, prefix):
            raise InvalidSettings(
                f"{names.name} belongs to s3://{before['Bucket']}/{before['Prefix']}, as its index "
                f"does; deploy another one for s3://{bucket}/{prefix}, with --name"
            )
        location = {
            "Bucket": bucket,
            "Prefix": prefix,
            "MakeBucket": self._makes(_BUCKET, exists=self._has_bucket(bucket)),
            "Table": names.table,
            "MakeTable": self._makes(_TABLE, exists=self._has_table()),
        }
        if location["MakeBucket"] == "yes" and bucket != names.uploads:
            raise InvalidSettings(f"there is no bucket {bucket}; create it, or check its name")
        if chosen or not before:
            address = chosen or Address(bucket)
            endpoint = self._account.endpoint_options(bucket)
            location["StoreOptions"] = store_options(address, endpoint)
            location["BucketKey"] = address.sse_key or ""
        return location

    def _check_tenants(self, parameters: Mapping[str, str]) -> None:
        """Raise InvalidSettings if the tenants of users who sign in conflict with our tokens.

        The functions would not start with both.
        """
        if parameters.get("Issuer") and self._has_table():
            with self._opened_index(parameters) as index:
                tenant = parameters.get("JwtTenant", "claim:tenant")
                check_tenants(tenant, index, "ONECOPY_JWT_TENANT")

    def _makes(self, logical: str, *, exists: bool) -> str:
        """Return whether the stack creates a resource: not one that an earlier stack has left."""
        return "no" if exists and not self._stack.owns(logical) else "yes"

    def _has_bucket(self, bucket: str) -> bool:
        return bucket_exists(self._account.s3, bucket, self._account.id)

    def _has_table(self) -> bool:
        try:
            self._account.dynamodb.describe_table(TableName=self._names.table)
        except boto.ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            raise
        return True

    def _delete_table(self) -> bool:
        tables, name = self._account.dynamodb, self._names.table
        tables.update_table(TableName=name, DeletionProtectionEnabled=False)
        tables.get_waiter("table_exists").wait(TableName=name)  # until the update is done
        tables.delete_table(TableName=name)
        self._report(f"{name}: deleted")
        return True

    # Steps after the stack

    def _attach(self, current: Mapping[str, str], outputs: Mapping[str, str]) -> bool:
        """Set up events and CORS of an existing bucket; return whether its events changed."""
        if current["MakeBucket"] == "yes":
            return False
        queue, bucket = outputs["EventsQueueArn"], current["Bucket"]
        is_new = notifications.subscribe(self._account.s3, bucket, queue, current["Prefix"])
        origins = [outputs["Url"], *filter(None, current["PageOrigins"].split(","))]
        with self._opened_store(current) as store:
            for finding in examine_cors(store, origins, fix=True):
                if is_new or finding.state is not State.FINE:
                    fix = f"\n{finding.fix}" if finding.fix else ""
                    self._report(f"{finding.about}: {finding.message}{fix}")
        return is_new

    def _origin(self, current: Mapping[str, str]) -> str:
        """Return the web origin of the bucket in presigned requests."""
        with self._opened_store(current) as store:
            return store.origin

    def _opened_store(self, current: Mapping[str, str]) -> closing[S3Store]:
        return closing(cast("S3Store", open_store(self._store_url(current))))

    def _store_url(self, current: Mapping[str, str]) -> str:
        """Return the URL of the store; the functions get the same one."""
        return (
            f"s3://{current['Bucket']}/{current['Prefix']}"
            f"?region={self._account.region}&{current['StoreOptions']}"
        )

    def _index_url(self, current: Mapping[str, str]) -> str:
        return f"dynamodb://{current['Table']}?region={self._account.region}"

    def _bind(self, current: Mapping[str, str]) -> None:
        """Bind the index to the store; the functions cannot, as they may not scan the table.

        If the checksum API is off, or counts a table, this is noted in the index. If the API counts
        the index, the function notes that.
        """
        with self._opened_index(current) as index, self._opened_store(current) as store:
            bind(index, store)
            if not current["ChecksumOrigin"] or current["ChecksumTable"]:
                stop_counting(index, current["ChecksumTenant"])

    def _check_functions(self) -> None:
        """Raise Failure if a function does not start."""
        for function, event in TEST_EVENTS.items():
            if self._stack.owns(function):
                check_start(self._account.lambda_, self._stack.resource(function), event)

    def _check_sign_in(self, current: Mapping[str, str]) -> None:
        """Report whether users who sign in could choose their tenant or scopes."""
        tenant, scopes = current.get("JwtTenant", "claim:tenant"), current.get("JwtScopes")
        claims = [claim for claim in (ClaimRule(tenant).claim, scopes) if claim]
        if current["Issuer"] and claims:
            for finding in examine_sign_in(current["Issuer"], claims):
                self._report(": ".join(filter(None, (finding.about, finding.message, finding.fix))))

    def _first_token(self, current: Mapping[str, str]) -> str | None:
        """Create the first token, if one is needed; it cannot be shown again."""
        with self._opened_index(current) as index:
            if current["Issuer"] or has_tokens(index):
                return None
            return create_token(index, label="onecopy deploy")[1]

    def _opened_index(self, current: Mapping[str, str]) -> closing[Engine]:
        return closing(open_index(self._index_url(current)))


def _check_together(parameters: Mapping[str, str]) -> None:
    for one, other in (("Domain", "Certificate"), ("Issuer", "Audience")):
        if parameters.get(one) and not parameters.get(other):
            raise InvalidSettings(f"--{one.lower()} needs --{other.lower()}")


def _target(parameters: Mapping[str, str]) -> Target:
    """Return the platform of the functions; the defaults are those of the template."""
    default = Target()
    return Target(
        parameters.get("Runtime", f"python{default.python}").removeprefix("python"),
        parameters.get("Architecture", default.architecture),
    )
