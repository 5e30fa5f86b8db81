"""A CloudFormation stack, changed by change sets, with its events as progress.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events-by-operation.html
"""

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import botocore.exceptions as boto

from onecopy.aws.client import code_of
from onecopy.errors import Failure, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackResourceDetailTypeDef

Report = Callable[[str], None]
"""Callback for a line of progress."""

_PROPOSED = "REVIEW_IN_PROGRESS"
"""Status of a stack that consists of a change set only."""
_FAILED = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
"""Statuses after failing to create or delete a stack; such a stack can only be deleted."""
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
"""Texts in the reason of a change set that failed because there is nothing to change."""
_CANCELLED = "cancelled"
"""Text in the reason of a resource that failed only because another one had failed."""
_TIMEOUT_SECONDS = 3600
"""Longest time for a change; a CloudFront distribution takes minutes."""
_MIN_POLL_SECONDS, _MAX_POLL_SECONDS = 0.1, 3.0


class Stack:
    """The stack of this name."""

    def __init__(self, client: "CloudFormationClient", name: str, report: Report) -> None:
        self._client = client
        self.name = name
        self._report = report
        self._seen: str | None = None
        """Id of the newest event that was reported, or that preceded the change."""
        self._began: str | None = None
        """Id of the newest event that preceded the change."""
        self._id = name
        """The name, then the id: a deleted stack can only be described by its id."""

    def describe(self) -> dict[str, Any] | None:
        """Return the description of the stack; None if it does not exist."""
        try:
            stack: Any = self._client.describe_stacks(StackName=self._id)["Stacks"][0]
        except boto.ClientError as error:
            if code_of(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        self._id = stack["StackId"]
        return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack

    def resource(self, logical: str) -> str:
        """Return the physical id of a resource, by its logical name in the template."""
        return self._detail(logical)["PhysicalResourceId"]

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the stack; empty if it does not exist."""
        parameters = self._created().get("Parameters", [])
        return {each["ParameterKey"]: each["ParameterValue"] for each in parameters}

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the stack; empty if it does not exist."""
        outputs = self._created().get("Outputs", [])
        return {each["OutputKey"]: each["OutputValue"] for each in outputs}

    def _created(self) -> dict[str, Any]:
        """Return the description; empty if the stack does not exist, or is only a change set."""
        stack = self.describe()
        return {} if stack is None or stack["StackStatus"] == _PROPOSED else stack

    def owns(self, logical: str) -> bool:
        """Return whether the stack contains a resource, by its logical name in the template."""
        if self.describe() is None:
            return False
        try:
            detail = self._detail(logical)
        except boto.ClientError as error:
            if code_of(error) == "ValidationError":
                return False
            raise
        return detail["ResourceStatus"] not in ("DELETE_COMPLETE", "DELETE_SKIPPED")

    def _detail(self, logical: str) -> "StackResourceDetailTypeDef":
        response = self._client.describe_stack_resource(
            StackName=self._id, LogicalResourceId=logical
        )
        return response["StackResourceDetail"]

    def settle(self) -> None:
        """Wait for the end of a running change, and delete a stack that could not be created.

        This resumes a run that was interrupted.
        """
        stack = self.describe()
        if stack is not None and _is_busy(stack):
            self._report(f"{self.name}: {stack['StackStatus']}; waiting until it is done")
            self._forget_events(stack)
            stack = self._wait(is_ours=False)
        if stack is not None and stack["StackStatus"] in _FAILED:
            self._report(f"{self.name}: the last run failed; removing its stack")
            self.remove()

    def apply(self, template: str, parameters: Mapping[str, str]) -> bool:
        """Create or update the stack; return whether anything changed.

        Parameters that are not given keep their values. Raises Failure with the reason if the
        change failed; CloudFormation has rolled it back by then.
        """
        stack = self.describe()
        is_new = stack is None or stack["StackStatus"] == _PROPOSED
        self._forget_events(stack)
        change_set = self._propose(template, parameters, None if is_new else stack)
        if change_set is None:
            return False
        self._client.execute_change_set(StackName=self._id, ChangeSetName=change_set)
        self._report(f"{self.name}: deploying; CloudFront takes some minutes")
        ended = self._wait()
        if ended is None or ended["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise Failure(f"the stack {self.name} could not be deployed: {self._reason(ended)}")
        return True

    def remove(self) -> None:
        """Delete the stack, and wait until it is gone."""
        stack = self.describe()
        if stack is None:
            return
        self._forget_events(stack)
        self._client.delete_stack(StackName=self._id)
        ended = self._wait()
        if ended is not None:
            raise Failure(f"the stack {self.name} could not be removed: {self._reason(ended)}")
        self._id = self.name

    def _propose(
        self, template: str, given: Mapping[str, str], stack: dict[str, Any] | None
    ) -> str | None:
        """Return the id of a change set to execute; None if there is nothing to change."""
        kept = {each["ParameterKey"] for each in (stack or {}).get("Parameters", [])}
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
        change_set = self._client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"onecopy-{uuid4().hex}",
            ChangeSetType="UPDATE" if stack else "CREATE",
            TemplateBody=template,
            Parameters=parameters,
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": "onecopy", "Value": self.name}],
        )
        self._id = change_set["StackId"]
        return self._proposed(change_set["Id"])

    def _proposed(self, change_set: str) -> str | None:
        """Wait until the change set is created; if it is empty, delete it and return None."""
        waiter = self._client.get_waiter("change_set_create_complete")
        config: Any = {"Delay": 1, "MaxAttempts": _TIMEOUT_SECONDS}
        try:
            waiter.wait(ChangeSetName=change_set, WaiterConfig=config)
        except boto.WaiterError as error:
            reason = error.last_response.get("StatusReason", str(error))
        else:
            return change_set
        self._client.delete_change_set(ChangeSetName=change_set)
        if any(text in reason for text in _NO_CHANGES):
            return None
        raise Failure(f"the stack {self.name} cannot be changed: {reason}")

    def _wait(self, *, is_ours: bool = True) -> dict[str, Any] | None:
        """Report events until the change is over; return the description of the stack then.

        Our own change is over only after its last event, since at first the stack may still have
        its old status. boto3's waiters rely on the status, and report no events.
        """
        is_over = not is_ours
        for _ in self._polls():
            stack = self.describe()
            for event in self._new_events():
                if not event["ResourceStatus"].endswith("_IN_PROGRESS"):
                    self._report(_line(event))
                    is_over |= event["PhysicalResourceId"] == self._id
            if is_over and (stack is None or not _is_busy(stack)):
                break
        return stack

    def _polls(self) -> Iterator[None]:
        """Yield whenever it is time to poll; raises Unavailable after an hour."""
        delay, deadline = _MIN_POLL_SECONDS, time.monotonic() + _TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            yield
            time.sleep(delay)
            delay = min(delay * 1.5, _MAX_POLL_SECONDS)
        raise Unavailable(
            f"the stack {self.name} takes longer than an hour: run the same command again to resume"
        )

    def _forget_events(self, stack: dict[str, Any] | None) -> None:
        """Report only events from now on."""
        newest = next(self._events(), None) if stack is not None else None
        self._began = self._seen = newest["EventId"] if newest else None

    def _new_events(self) -> list[dict[str, Any]]:
        """Return the events since the last call, the oldest first."""
        events = self._since(self._seen)
        if events:
            self._seen = events[0]["EventId"]
        return events[::-1]

    def _since(self, seen: str | None) -> list[dict[str, Any]]:
        """Return the events after the event with this id, the newest first."""
        return list(takewhile(lambda event: event["EventId"] != seen, self._events()))

    def _events(self) -> Iterator[dict[str, Any]]:
        """Yield the events of the stack, the newest first."""
        paginator: Any = self._client.get_paginator("describe_stack_events")
        for page in paginator.paginate(StackName=self._id):
            yield from page["StackEvents"]

    def _reason(self, ended: dict[str, Any] | None) -> str:
        """Return why the change failed: the first failure that was not caused by another."""
        failed = [
            event
            for event in self._since(self._began)
            if event["ResourceStatus"].endswith("_FAILED")
            and _CANCELLED not in event.get("ResourceStatusReason", "")
        ]
        status = "gone" if ended is None else ended["StackStatus"]
        return f"{_line(failed[-1])} ({status})" if failed else status


def _is_busy(stack: Mapping[str, Any]) -> bool:
    status = stack["StackStatus"]
    return bool(status.endswith("_IN_PROGRESS")) and status != _PROPOSED


def _line(event: Mapping[str, Any]) -> str:
    """Return the line of progress for an event."""
    line = f"{event['LogicalResourceId']}: {event['ResourceStatus'].lower().replace('_', ' ')}"
    reason = event.get("ResourceStatusReason")
    return f"{line}: {reason}" if reason and "FAILED" in event["ResourceStatus"] else line
