"""Stacks: made, changed, failing, and gone on with."""

import json
from typing import Any

import pytest

from onecopy.aws.deploy.stack import Stack
from onecopy.errors import Failure
from tests.deploy.conftest import Cloud

pytestmark = pytest.mark.server


def template(*queues: str, kept: str = "", bus: str = "") -> str:
    """Return a template of queues, one of which may have to stay, and a bus."""
    named: dict[str, Any] = {
        f"Queue{number}": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}
        for number, name in enumerate(queues)
    }
    if kept:
        named["Kept"] = {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"}
        named["Kept"]["Properties"] = {"QueueName": kept}
    if bus:
        named["Bus"] = {"Type": "AWS::Events::EventBus", "Properties": {"Name": bus}}
    parameters = {"Note": {"Type": "String", "Default": "none"}}
    return json.dumps({"Parameters": parameters, "Resources": named})


@pytest.fixture
def told() -> list[str]:
    """Return the lines of progress."""
    return []


@pytest.fixture
def stack(cloud: Cloud, told: list[str]) -> Stack:
    """Return a stack that is not there yet."""
    return Stack(cloud.client("cloudformation"), cloud.name, told.append)


@pytest.fixture
def taken(cloud: Cloud) -> str:
    """Return the name of a bus that is somebody's."""
    cloud.client("events").create_event_bus(Name=f"{cloud.name}-taken")
    return f"{cloud.name}-taken"


def test_it_is_made_once(stack: Stack, told: list[str]) -> None:
    """The second time there is nothing to do."""
    assert stack.apply(template("a-queue"), {"Note": "x"})
    assert f"{stack.name}: create complete" in told
    told.clear()
    assert not stack.apply(template("a-queue"), {"Note": "x"})
    assert told == []


def test_parameters_that_are_not_given_stay(stack: Stack) -> None:
    """And those that are, change it."""
    stack.apply(template("b-queue"), {"Note": "x"})
    assert not stack.apply(template("b-queue"), {})
    assert stack.parameters() == {"Note": "x"}


def test_the_reason_of_a_failure_is_told(stack: Stack, taken: str) -> None:
    """That of what failed, not of what was cancelled because of it."""
    with pytest.raises(Failure, match=r"Bus: create failed: .*already exists.* \(ROLLBACK_COM"):
        stack.apply(template("c-queue", bus=taken), {})


def test_what_could_not_be_made_is_made_the_next_time(
    stack: Stack, taken: str, cloud: Cloud, told: list[str]
) -> None:
    """A stack that was rolled back can only be removed: that is done first."""
    with pytest.raises(Failure):
        stack.apply(template("d-queue", bus=taken), {})
    cloud.client("events").delete_event_bus(Name=taken)
    stack.settle()
    assert any("the last run failed" in line for line in told)
    assert stack.apply(template("d-queue", bus=taken), {})


def test_a_change_that_fails_leaves_what_was_there(
    stack: Stack, taken: str, told: list[str]
) -> None:
    """The reason is that of this change, and the next one succeeds."""
    stack.apply(template("e-queue"), {})
    told.clear()
    with pytest.raises(Failure, match=r"Bus: (create|update) failed: .*already exists"):
        stack.apply(template("e-queue", bus=taken), {})
    assert stack.owns("Queue0")
    assert not stack.owns("Bus")
    stack.settle()
    assert stack.apply(template("e-queue", "e-other"), {})


def test_what_it_must_leave_it_leaves(stack: Stack, cloud: Cloud) -> None:
    """And it is not part of it any more."""
    stack.apply(template("f-queue", kept=f"{cloud.name}-kept"), {})
    assert stack.owns("Kept")
    stack.remove()
    assert stack.describe() is None
    assert not stack.owns("Kept")
    queues = cloud.client("sqs").list_queues(QueueNamePrefix=cloud.name)["QueueUrls"]
    assert [url.rpartition("/")[2] for url in queues] == [f"{cloud.name}-kept"]


def test_removing_what_is_not_there_is_nothing(stack: Stack, told: list[str]) -> None:
    """It may have been removed manually."""
    stack.remove()
    stack.settle()
    assert (stack.outputs(), stack.parameters(), told) == ({}, {}, [])


def test_a_template_that_is_none_is_a_failure(stack: Stack) -> None:
    """Nothing is left of it that the next run would stumble over."""
    with pytest.raises(Exception, match=r"Unrecognized|nsupported|not supported|Template"):
        stack.apply('{"Resources": {"A": {"Type": "AWS::No::Thing"}}}', {})
    stack.settle()
    assert stack.apply(template("g-queue"), {})
