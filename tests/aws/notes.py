"""What S3 writes when something happens to an object.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import json
from collections.abc import Iterable
from itertools import count
from typing import Any
from urllib.parse import quote_plus

Json = Any
"""What `json.loads` gives."""

_numbers = count(1)
CREATED = "ObjectCreated:Put"
REMOVED = "ObjectRemoved:Delete"


def note(bucket: str, key: str, name: str = CREATED) -> Json:
    """Return the event of one object; each has a later sequencer than the one before."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-03-12T19:03:58.000Z",
        "eventName": name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "onecopy",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {
                "key": quote_plus(key, safe="/"),
                "sequencer": f"{next(_numbers):018X}",
            },
        },
    }


def direct(*notes: Json) -> Json:
    """Return an event as S3 sends it to a function directly."""
    return {"Records": list(notes)}


def message(body: object, message_id: str) -> Json:
    """Return a message of a queue."""
    return {
        "messageId": message_id,
        "receiptHandle": "AQEB",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:onecopy",
        "awsRegion": "us-east-1",
    }


def queued(notes: Iterable[Json]) -> Json:
    """Return a batch of messages, one for each event, with the numbers 0, 1, … for their ids."""
    return {"Records": [message(direct(note), str(at)) for at, note in enumerate(notes)]}


def failed(answer: Json) -> list[str]:
    """Return the ids of the messages that are to come again."""
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]
