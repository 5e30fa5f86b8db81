"""One running S3 server."""

import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.standins.child import Child

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PATIENCE = 60
"""Seconds for a server to answer."""


@dataclass(frozen=True)
class Standin:
    """Endpoint and credentials of a server; its buckets are in the folder of its process."""

    name: str
    endpoint: str
    child: Child
    access_key: str = "standin"
    secret_key: str = "standin-secret"
    region: str = "us-east-1"
    buckets: list[str] = field(default_factory=list, compare=False)
    """Names of the buckets that it has created for tests."""

    def client(self, config: Config | None = None, secret_key: str | None = None) -> "S3Client":
        """Return a boto3 client, by default with the correct secret."""
        ours = Config(
            # Else boto3 presigns by version 2, which signs no headers.
            signature_version="s3v4",
            s3={"addressing_style": "path"},
        )
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=secret_key or self.secret_key,
            config=ours.merge(config) if config else ours,
        )

    def service(self, name: str, config: Config | None = None) -> Any:  # noqa: ANN401 - any of boto3's
        """Return a plain boto3 client for another service."""
        session: Any = boto3.session.Session()
        return session.client(
            name,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=config,
        )

    def bucket(self) -> str:
        """Create a bucket with a new name; return the name."""
        name = f"bucket-{uuid4().hex}"
        self._quick.create_bucket(Bucket=name)
        self.buckets.append(name)
        return name

    def clear(self) -> None:
        """Delete the buckets that it has created, so that a test run doesn't fill the disk.

        A bucket that can't be deleted (one with versions or locks) remains until the server ends.
        """
        while self.buckets:
            with suppress(BotoCoreError, ClientError):
                self._delete(self.buckets.pop())

    def _delete(self, bucket: str) -> None:
        for page in self._quick.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            if found := page.get("Contents"):
                self._quick.delete_objects(
                    Bucket=bucket, Delete={"Objects": [{"Key": each["Key"]} for each in found]}
                )
        self._quick.delete_bucket(Bucket=bucket)

    def store_url(self, bucket: str, prefix: str = "") -> str:
        """Return the URL for `--store`."""
        place = f"{bucket}/{prefix}".rstrip("/")
        return f"s3://{place}?endpoint={quote(self.endpoint, safe='')}&region={self.region}"

    def environment(self) -> dict[str, str]:
        """Return the variables by which AWS's tools and ours find the credentials, and no others.

        A command needs nothing more but the endpoint.
        """
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def stop(self) -> None:
        """Stop it gracefully (SIGTERM)."""
        self.child.end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        self.child.end(signal.SIGKILL)

    def restart(self) -> None:
        """Restart it on the same port with the same data; stop it first if it is running.

        Data of servers that keep them in memory are gone.
        """
        self.stop()
        self.child.start()
        self._wait()

    def _wait(self) -> None:
        """Wait until it answers; fail with its output if it exits instead."""
        given_up = time.monotonic() + _PATIENCE
        while True:
            try:
                self._try()
            except (BotoCoreError, ClientError) as error:
                why = self.child.complaint()
                if why is not None or time.monotonic() > given_up:
                    raise RuntimeError(f"{self.name} doesn't answer ({error}): {why}") from error
                time.sleep(0.05)
            else:
                return

    def _try(self) -> None:
        """Store and read an object; a server may list buckets before its disks are ready."""
        name = self.bucket()
        self._quick.put_object(Bucket=name, Key="ready", Body=b"ready")
        self._quick.get_object(Bucket=name, Key="ready")["Body"].read()
        self._delete(name)
        self.buckets.remove(name)

    @cached_property
    def _quick(self) -> "S3Client":
        return self.client(
            Config(connect_timeout=1, read_timeout=20, retries={"total_max_attempts": 1})
        )
