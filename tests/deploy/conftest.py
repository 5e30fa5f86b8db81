"""Deployments into a stand-in of AWS, by the command."""

import platform
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from onecopy.aws.deploy.choices import ARCHITECTURES, Names
from tests.conftest import Ran, Run, running
from tests.standins import Standin

_ARCHITECTURES = {machine: name for name, machine in ARCHITECTURES.items()}
HERE = [
    "--python",
    f"{sys.version_info.major}.{sys.version_info.minor}",
    "--architecture",
    _ARCHITECTURES.get(platform.machine(), "arm64"),
]
"""The stand-in runs functions as processes of this machine."""


@dataclass(frozen=True)
class Answer:
    """What somebody answered."""

    status: int
    headers: Message
    body: bytes


@dataclass
class Cloud:
    """An account in the stand-in, and one deployment in it."""

    standin: Standin
    run: Run
    name: str

    @property
    def names(self) -> Names:
        """What is called how."""
        return Names(self.name, "000000000000", self.standin.region)

    @property
    def environment(self) -> dict[str, str]:
        """How commands find it."""
        return {**self.standin.environment(), "AWS_ENDPOINT_URL": self.standin.endpoint}

    def deploy(self, *options: str, **env: str) -> Ran:
        """Run `onecopy deploy`."""
        return self.run("deploy", "--name", self.name, *options, **{**self.environment, **env})

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's
        """Return a client of the tests' own."""
        return self.standin.service(service)

    @property
    def stack(self) -> dict[str, Any] | None:
        """The stack as it is; None if there is none."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return next((each for each in found if each["StackName"] == self.name), None)

    @property
    def made(self) -> dict[str, str]:
        """What the stack consists of: names in the template with names in the account."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in pages.paginate(StackName=self.name)
            for each in page["StackResourceSummaries"]
        }

    @property
    def buckets(self) -> list[str]:
        """The buckets of this deployment."""
        found = self.client("s3").list_buckets()["Buckets"]
        return [each["Name"] for each in found if each["Name"].startswith(self.name)]

    def read(self, key: str) -> bytes:
        """Return an object among the uploads."""
        found = self.client("s3").get_object(Bucket=self.names.uploads, Key=key)
        content: bytes = found["Body"].read()
        return content

    def output(self, name: str) -> str:
        """Return the description of the stack."""
        assert self.stack is not None
        return next(
            str(each["OutputValue"]) for each in self.stack["Outputs"] if each["OutputKey"] == name
        )

    def ask(self, url: str, method: str = "GET", body: bytes | None = None, **more: str) -> Answer:
        """Request the URL of a page or an API: the stand-in distinguishes them by host."""
        parts = urlsplit(url)
        headers = {"Host": parts.netloc, "X-Forwarded-Proto": "https"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(
            self.standin.endpoint + (parts.path or "/"), body, headers, method=method
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


@pytest.fixture
def cloud(ministack: Standin, run: Run) -> Cloud:
    """Return an account, in which nothing has been deployed under this name yet."""
    return Cloud(ministack, run, f"t{uuid4().hex[:12]}")


@pytest.fixture
def deployed(cloud: Cloud) -> Cloud:
    """Return an account in which it is deployed."""
    ran = cloud.deploy(*HERE)
    assert ran.code == 0, ran.err
    return cloud


@pytest.fixture(scope="module")
def standing(ministack: Standin, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """Return one in which it is deployed, for tests that leave it as it is."""
    cloud = Cloud(ministack, running(tmp_path_factory.mktemp("home")), f"t{uuid4().hex[:12]}")
    ran = cloud.deploy(*HERE)
    assert ran.code == 0, ran.err
    return cloud
