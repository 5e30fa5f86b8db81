"""A stack of CloudFormation: changed by change sets, followed by its events.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events-by-operation.html
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import botocore.exceptions as boto

from onecopy.aws.client import code_of
from onecopy.errors import Failure, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackResourceDetailTypeDef

Tell = Callable[[str], None]
"""Takes a line of progress."""

_PROPOSED = "REVIEW_IN_PROGRESS"
"""What a stack is of which there is no more than a change set."""
_UNMADE = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
"""What a stack is after it could not be made, or removed: it can only be removed."""
_NOTHING = ("didn't contain changes", "No updates are to be performed")
"""How a change set says that there is nothing to change."""
_CANCELLED = "cancelled"
"""The reason of what failed because something else had failed."""
_PATIENCE = 3600.0
"""Seconds; a distribution takes minutes."""
_FIRST, _LONGEST = 0.1, 3.0
"""Seconds between two looks."""


class Stack:
    """One stack, by its name."""

    def __init__(self, client: "CloudFormationClient", name: str, tell: Tell) -> None:
        self._client = client
        self.name = name
        self._tell = tell
        self._seen: str | None = None
        """The newest event that was told, or is of old."""
        self._began: str | None = None
        """The newest that is of old."""
        self._id = name
        """By its name until it is known by its id, by which a removed one can be looked at, too."""

    def look(self) -> dict[str, Any] | None:
        """Return what it is now; None if there is none."""
        try:
            found: Any = self._client.describe_stacks(StackName=self._id)["Stacks"][0]
        except boto.ClientError as error:
            if code_of(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        self._id = found["StackId"]
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def resource(self, logical: str) -> str:
        """Return what something in the template is called in the account."""
        return self._detail(logical)["PhysicalResourceId"]

    def parameters(self) -> dict[str, str]:
        """Return what it was made with; nothing if there is none."""
        given = self._made().get("Parameters", [])
        return {each["ParameterKey"]: each["ParameterValue"] for each in given}

    def outputs(self) -> dict[str, str]:
        """Return what it tells of itself; nothing if there is none."""
        told = self._made().get("Outputs", [])
        return {each["OutputKey"]: each["OutputValue"] for each in told}

    def _made(self) -> dict[str, Any]:
        """Return what it is; nothing if there is none, or no more than a proposal of one."""
        found = self.look()
        return {} if found is None or found["StackStatus"] == _PROPOSED else found

    def owns(self, logical: str) -> bool:
        """Tell whether something is part of it, by its name in the template."""
        if self.look() is None:
            return False
        try:
            found = self._detail(logical)
        except boto.ClientError as error:
            if code_of(error) == "ValidationError":
                return False
            raise
        return found["ResourceStatus"] not in ("DELETE_COMPLETE", "DELETE_SKIPPED")

    def _detail(self, logical: str) -> "StackResourceDetailTypeDef":
        found = self._client.describe_stack_resource(StackName=self._id, LogicalResourceId=logical)
        return found["StackResourceDetail"]

    def settle(self) -> None:
        """Wait until nobody works at it, and clear away one that could not be made.

        So a run goes on where an earlier one was interrupted.
        """
        found = self.look()
        if found is not None and _is_busy(found):
            self._tell(f"{self.name}: {found['StackStatus']}; waiting for its end")
            self._forget_events(found)
            found = self._wait(is_ours=False)
        if found is not None and found["StackStatus"] in _UNMADE:
            self._tell(f"{self.name}: the last try could not be finished; clearing it away")
            self.remove()

    def apply(self, template: str, given: Mapping[str, str]) -> bool:
        """Make it, or change it, so that it is as described; return whether it was not.

        Parameters that are not given stay as they are. Raises Failure with the reason if it could
        not be done: everything is then as before.
        """
        found = self.look()
        is_new = found is None or found["StackStatus"] == _PROPOSED
        self._forget_events(found)
        change_set = self._propose(template, given, None if is_new else found)
        if change_set is None:
            return False
        self._client.execute_change_set(StackName=self._id, ChangeSetName=change_set)
        self._tell(f"{self.name}: being made; CloudFront takes some minutes")
        ended = self._wait()
        if ended is None or ended["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise Failure(f"the stack {self.name} could not be made: {self._reason(ended)}")
        return True

    def remove(self) -> None:
        """Delete it, and wait until it is gone."""
        found = self.look()
        if found is None:
            return
        self._forget_events(found)
        self._client.delete_stack(StackName=self._id)
        ended = self._wait()
        if ended is not None:
            raise Failure(f"the stack {self.name} could not be removed: {self._reason(ended)}")
        self._id = self.name

    def _propose(
        self, template: str, given: Mapping[str, str], found: dict[str, Any] | None
    ) -> str | None:
        """Return the id of a change set that can be executed; None if nothing is to change."""
        kept = {each["ParameterKey"] for each in (found or {}).get("Parameters", [])}
        declared = {
            each["ParameterKey"]
            for each in self._client.get_template_summary(TemplateBody=template)["Parameters"]
        }
        parameters: Any = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in given.items()
        ]
        parameters += [
            {"ParameterKey": name, "UsePreviousValue": True}
            for name in sorted((kept & declared) - given.keys())
        ]
        made = self._client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"onecopy-{uuid4().hex}",
            ChangeSetType="UPDATE" if found else "CREATE",
            TemplateBody=template,
            Parameters=parameters,
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": "onecopy", "Value": self.name}],
        )
        self._id = made["StackId"]
        return self._proposed(made["Id"])

    def _proposed(self, change_set: str) -> str | None:
        for _ in _looks("the change set"):
            seen = self._client.describe_change_set(ChangeSetName=change_set)
            if seen["Status"] == "CREATE_COMPLETE":
                return change_set
            if seen["Status"] == "FAILED":
                break
        self._client.delete_change_set(ChangeSetName=change_set)
        reason = seen.get("StatusReason", "")
        if any(text in reason for text in _NOTHING):
            return None
        raise Failure(f"the stack {self.name} can't be changed so: {reason}")

    def _wait(self, *, is_ours: bool = True) -> dict[str, Any] | None:
        """Tell its events until nobody works at it any more; return what it is then.

        What we have begun ourselves is over when its end was told: a moment after it was begun
        the stack may still look as before.
        """
        is_over = not is_ours
        for _ in _looks(f"the stack {self.name}"):
            found = self.look()
            for event in self._new_events():
                if not event["ResourceStatus"].endswith("_IN_PROGRESS"):
                    self._tell(_line(event))
                    is_over |= event["PhysicalResourceId"] == self._id
            if is_over and (found is None or not _is_busy(found)):
                break
        return found

    def _forget_events(self, found: dict[str, Any] | None) -> None:
        """Begin to follow events here."""
        events = next(self._pages(), []) if found is not None else []
        self._began = self._seen = events[0]["EventId"] if events else None

    def _new_events(self) -> list[dict[str, Any]]:
        """Return what happened since the last time, the oldest first."""
        events = self._since(self._seen)
        if events:
            self._seen = events[0]["EventId"]
        return events[::-1]

    def _since(self, seen: str | None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in self._pages():
            for event in page:
                if event["EventId"] == seen:
                    return found
                found.append(event)
        return found

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        for page in self._client.get_paginator("describe_stack_events").paginate(
            StackName=self._id
        ):
            events: Any = page["StackEvents"]
            yield events

    def _reason(self, ended: dict[str, Any] | None) -> str:
        """Return why the last act failed: what failed first, of itself."""
        failed = [
            event
            for event in self._since(self._began)
            if event["ResourceStatus"].endswith("_FAILED")
            and _CANCELLED not in event.get("ResourceStatusReason", "")
        ]
        status = "gone" if ended is None else ended["StackStatus"]
        return f"{_line(failed[-1])} ({status})" if failed else status


def _looks(what: str) -> Iterator[None]:
    """Yield whenever it is time to look again; raises Unavailable if it takes too long."""
    wait, until = _FIRST, time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        yield
        time.sleep(wait)
        wait = min(wait * 1.5, _LONGEST)
    raise Unavailable(f"{what} takes longer than an hour: run the same command again to go on")


def _is_busy(found: Mapping[str, Any]) -> bool:
    status = found["StackStatus"]
    return bool(status.endswith("_IN_PROGRESS")) and status != _PROPOSED


def _line(event: Mapping[str, Any]) -> str:
    """Return one line of an event."""
    said = f"{event['LogicalResourceId']}: {event['ResourceStatus'].lower().replace('_', ' ')}"
    reason = event.get("ResourceStatusReason")
    return f"{said}: {reason}" if reason and "FAILED" in event["ResourceStatus"] else said
