"""The queue in SQS that carries the ranges of copies to the functions that read them.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import botocore.exceptions as boto
from botocore.config import Config

from onecopy.aws.client import failure_of, message_of, session_of
from onecopy.confirming import Range
from onecopy.errors import Unavailable

_BATCH = 10
"""Messages that one request may send."""
_CONFIG = Config(
    connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)


class SqsQueue:
    """A standard queue; see Queue."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, ranges: Sequence[Range]) -> None:
        for at in range(0, len(ranges), _BATCH):
            self._send(ranges[at : at + _BATCH])

    def _send(self, ranges: Sequence[Range]) -> None:
        entries = [
            # The group makes the queue fair: one tenant's messages do not hold up another's.
            {"Id": str(at), "MessageBody": each.encode(), "MessageGroupId": each.tenant}
            for at, each in enumerate(ranges)
        ]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except boto.ClientError as error:
            raise Unavailable(message_of(error, f"the queue {self._url}")) from error
        except boto.BotoCoreError as error:
            raise failure_of(error, "SQS", "AWS_PROFILE") from error
        if failed := answer.get("Failed"):
            raise Unavailable(
                f"the queue {self._url} rejects {len(failed)} of {len(entries)} messages: "
                f"{failed[0].get('Code')}"
            )

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3's
        # Created when it is first needed: few requests have something to confirm.
        return session_of().create_client("sqs", config=_CONFIG)
