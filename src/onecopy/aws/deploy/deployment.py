"""Deploying and removing, step by step; every step can be repeated, and a new run goes on."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple, cast

import botocore.exceptions as boto

from onecopy.aws.client import code_of
from onecopy.aws.deploy import attached, secret
from onecopy.aws.deploy.account import Account, translated
from onecopy.aws.deploy.artifacts import Artifacts, is_there
from onecopy.aws.deploy.choices import Choices, Names, store_options
from onecopy.aws.deploy.functions import QUESTIONS, check_start
from onecopy.aws.deploy.package import Target, build
from onecopy.aws.deploy.plan import TEMPLATE
from onecopy.aws.deploy.stack import Stack, Tell
from onecopy.doctor.finding import State
from onecopy.errors import InvalidSettings
from onecopy.http.options import PAGE
from onecopy.index import open_index
from onecopy.store import open_store
from onecopy.store.s3.address import Address

if TYPE_CHECKING:
    from onecopy.index.interface import Engine
    from onecopy.store.s3.store import S3Store

_BUCKET, _TABLE = "UploadBucket", "IndexTable"
"""What they are called in the template."""


class Deployed(NamedTuple):
    """What has come of it."""

    url: str
    """Of the page."""
    index_url: str
    """For `onecopy token` and `onecopy scan`."""
    is_changed: bool
    """Whether there was anything to do."""
    token: str | None = None
    """The first token, if this run made it."""
    dns: tuple[str, str] | None = None
    """A domain of one's own, and what it has to point to."""


class Left(NamedTuple):
    """What removing leaves."""

    bucket: str | None
    table: str | None


class Deployment:
    """One deployment: what was chosen, in an account."""

    def __init__(self, account: Account, choices: Choices, tell: Tell) -> None:
        self._account = account
        self._choices = choices
        self._tell = tell
        self._names = Names(choices.name, account.id, account.region)
        self._stack = Stack(account.stacks, choices.name, tell)
        self._artifacts = Artifacts(account, self._names.artifacts, choices.name)

    def deploy(self) -> Deployed:
        """Make it, or bring it up to date."""
        with translated():
            self._stack.settle()
            given = self._parameters(self._stack.parameters())
            changed = [
                secret.make(self._account.parameters, self._names.secret),
                self._stack.apply(TEMPLATE.read_text(), given),
            ]
            told, place = self._stack.outputs(), self._stack.parameters()
            # The page comes last: it needs all the others.
            changed += [self._attach(place, told), self._artifacts.put_page(PAGE) > 0]
            self._bind(place)
            self._check_functions()
            token = self._first_token(place)
        domain = place["Domain"]
        dns = (domain, told["DistributionDomain"]) if domain else None
        is_changed = any(changed) or token is not None
        return Deployed(told["Url"], self._index_url(place), is_changed, token, dns)

    def remove(self, *, index: bool) -> Left:
        """Remove all but the objects, and the index unless it is to go, too."""
        names, account = self._names, self._account
        with translated():
            self._stack.settle()
            found, told = self._stack.parameters(), self._stack.outputs()
            bucket = found.get("Bucket", names.uploads)
            is_left = self._has_bucket(bucket)
            if is_left and "EventsQueueArn" in told:
                attached.unsubscribe(account.buckets, bucket, told["EventsQueueArn"])
            self._stack.remove()
            if self._artifacts.remove():
                self._tell(f"{self._artifacts.bucket}: deleted, with the page and the package")
            secret.remove(account.parameters, names.secret)
            is_table_left = self._has_table() and not (index and self._delete_table())
        return Left(bucket if is_left else None, names.table if is_table_left else None)

    def rotate_secret(self) -> None:
        """Let a new secret sign tickets."""
        with translated():
            secret.rotate(self._account.parameters, self._names.secret)

    # Where everything is

    def _parameters(self, before: Mapping[str, str]) -> dict[str, str]:
        """Return those of the template that may have changed; the package is there by then."""
        chosen = self._choices.parameters
        _check_together({**before, **chosen})
        place = self._place(before)
        self._check_tenants({**before, **place, **chosen})
        package = build(_target({**before, **chosen}))
        self._artifacts.make()
        return {
            **({} if before else {"Certificate": ""}),  # has no default, for it could be no ARN
            **place,
            **chosen,
            "Artifacts": self._artifacts.bucket,
            "Package": self._artifacts.put_package(package),
            "SecretParameter": self._names.secret,
            "BucketOrigin": self._origin({**before, **place}),
        }

    def _place(self, before: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters that say where objects and index lie, and which are to be made."""
        chosen, names = self._choices.store, self._names
        bucket = chosen.bucket if chosen else before.get("Bucket", names.uploads)
        prefix = chosen.prefix if chosen else before.get("Prefix", "")
        if before and (before["Bucket"], before["Prefix"]) != (bucket, prefix):
            raise InvalidSettings(
                f"{names.name} is for s3://{before['Bucket']}/{before['Prefix']}, which its index "
                f"knows: deploy another one for s3://{bucket}/{prefix}, with --name"
            )
        place = {
            "Bucket": bucket,
            "Prefix": prefix,
            "MakeBucket": self._makes(_BUCKET, is_there=self._has_bucket(bucket)),
            "Table": names.table,
            "MakeTable": self._makes(_TABLE, is_there=self._has_table()),
        }
        if place["MakeBucket"] == "yes" and bucket != names.uploads:
            raise InvalidSettings(f"there is no bucket {bucket}")
        if chosen or not before:
            address = chosen or Address(bucket)
            place["StoreOptions"] = store_options(address, self._account.where(bucket))
            place["BucketKey"] = address.sse_key or ""
        return place

    def _check_tenants(self, wanted: Mapping[str, str]) -> None:
        """Raise InvalidSettings if those who are to sign in can't stand beside tokens of ours.

        The functions would refuse to start with both.
        """
        from onecopy.aws.functions.service import check_tenants

        if wanted.get("Issuer") and self._has_table():
            with self._opened_index(wanted) as index:
                check_tenants(wanted.get("JwtTenant", "claim:tenant"), index)

    def _makes(self, logical: str, *, is_there: bool) -> str:
        """Tell whether the stack is to make it: what an earlier one has left is taken up again."""
        return "no" if is_there and not self._stack.owns(logical) else "yes"

    def _has_bucket(self, bucket: str) -> bool:
        return is_there(self._account.buckets, bucket, self._account.id)

    def _has_table(self) -> bool:
        try:
            self._account.tables.describe_table(TableName=self._names.table)
        except boto.ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            raise
        return True

    def _delete_table(self) -> bool:
        tables, name = self._account.tables, self._names.table
        tables.update_table(TableName=name, DeletionProtectionEnabled=False)
        tables.get_waiter("table_exists").wait(TableName=name)  # it is being changed until then
        tables.delete_table(TableName=name)
        self._tell(f"{name}: deleted")
        return True

    # What the page sends to

    def _attach(self, place: Mapping[str, str], told: Mapping[str, str]) -> bool:
        """Let a bucket that was there before send its events, and take what the page sends."""
        from onecopy.doctor.cors import examine_cors

        if place["MakeBucket"] == "yes":
            return False
        client, bucket = self._account.buckets, place["Bucket"]
        is_new = attached.subscribe(client, bucket, told["EventsQueueArn"], place["Prefix"])
        origins = [told["Url"], *filter(None, place["PageOrigins"].split(","))]
        with self._opened_store(place) as store:
            for finding in examine_cors(store, origins, fix=True):
                if is_new or finding.state is not State.FINE:
                    fix = f"\n{finding.fix}" if finding.fix else ""
                    self._tell(f"{finding.about}: {finding.message}{fix}")
        return is_new

    def _origin(self, place: Mapping[str, str]) -> str:
        """Return the web origin of the bucket, as it stands in what we sign."""
        with self._opened_store(place) as store:
            return store.origin

    @contextmanager
    def _opened_store(self, place: Mapping[str, str]) -> Iterator["S3Store"]:
        with closing(open_store(self._store_url(place))) as store:
            yield cast("S3Store", store)

    def _store_url(self, place: Mapping[str, str]) -> str:
        """Return what the functions are given, too."""
        return (
            f"s3://{place['Bucket']}/{place['Prefix']}"
            f"?region={self._account.region}&{place['StoreOptions']}"
        )

    def _index_url(self, place: Mapping[str, str]) -> str:
        return f"dynamodb://{place['Table']}?region={self._account.region}"

    def _bind(self, place: Mapping[str, str]) -> None:
        """Open index and store as the functions do, which may not look through a table.

        So the table is begun by us.
        """
        from onecopy.gate import bind

        with self._opened_index(place) as index, self._opened_store(place) as store:
            bind(index, store)

    def _check_functions(self) -> None:
        """Raise Failure if a function does not start."""
        for function, event in QUESTIONS.items():
            check_start(self._account.functions, self._stack.resource(function), event)

    def _first_token(self, place: Mapping[str, str]) -> str | None:
        """Return a first token, if one is needed; it can't be shown again."""
        from onecopy.tokens import create_token, has_tokens

        with self._opened_index(place) as index:
            if place["Issuer"] or has_tokens(index):
                return None
            return create_token(index, label="onecopy deploy")[1]

    def _opened_index(self, place: Mapping[str, str]) -> "closing[Engine]":
        return closing(open_index(self._index_url(place)))


def _check_together(wanted: Mapping[str, str]) -> None:
    for one, other in (("Domain", "Certificate"), ("Issuer", "Audience")):
        if wanted.get(one) and not wanted.get(other):
            raise InvalidSettings(f"--{one.lower()} goes with --{other.lower()}")


def _target(wanted: Mapping[str, str]) -> Target:
    """Return what the functions run on; the defaults are those of the template."""
    ours = Target()
    return Target(
        wanted.get("Runtime", f"python{ours.python}").removeprefix("python"),
        wanted.get("Architecture", ours.architecture),
    )
