"""Event notifications of an existing bucket, next to those that it already sends.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

from typing import TYPE_CHECKING, Any

import botocore.exceptions as boto

from onecopy.aws.client import code_of
from onecopy.errors import Failure

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ID = "onecopy"
_EVENTS = ("s3:LifecycleExpiration:*", "s3:ObjectCreated:*", "s3:ObjectRemoved:*")


def subscribe(client: "S3Client", bucket: str, queue: str, prefix: str) -> bool:
    """Send events of objects below the prefix to a queue; return whether that is a change.

    Raises Failure if the bucket sends the same events elsewhere: S3 allows one destination only.
    """
    before = _configuration(client, bucket)
    wanted: Any = {
        "Id": f"{_ID}-{queue.rpartition(':')[2]}",
        "QueueArn": queue,
        "Events": list(_EVENTS),
    }
    if prefix:
        wanted["Filter"] = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
    others = _others(before, queue)
    ours = [each for each in before["QueueConfigurations"] if each["QueueArn"] == queue]
    if [_essence(each) for each in ours] == [_essence(wanted)]:
        return False
    _put(client, bucket, {**before, "QueueConfigurations": [*others, wanted]})
    return True


def unsubscribe(client: "S3Client", bucket: str, queue: str) -> bool:
    """Send no more events to the queue, and leave others as they are; return whether it did."""
    before = _configuration(client, bucket)
    others = _others(before, queue)
    if len(others) == len(before["QueueConfigurations"]):
        return False
    _put(client, bucket, {**before, "QueueConfigurations": others})
    return True


def _configuration(client: "S3Client", bucket: str) -> dict[str, Any]:
    """Return the notification configuration of the bucket."""
    response: Any = client.get_bucket_notification_configuration(Bucket=bucket)
    response.pop("ResponseMetadata", None)
    return {"QueueConfigurations": [], **response}


def _others(configuration: dict[str, Any], queue: str) -> list[Any]:
    """Return the configurations of all queues but this one."""
    return [each for each in configuration["QueueConfigurations"] if each["QueueArn"] != queue]


def _essence(configuration: Any) -> tuple[Any, ...]:  # noqa: ANN401 - boto3's
    """Return events and filter, in the form in which equal ones are equal."""
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    named = [(rule["Name"].lower(), rule["Value"]) for rule in rules]
    return sorted(configuration["Events"]), named


def _put(client: "S3Client", bucket: str, configuration: dict[str, Any]) -> None:
    try:
        client.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration=configuration,  # type: ignore[arg-type]
        )
    except boto.ClientError as error:
        if code_of(error) != "InvalidArgument":
            raise
        raise Failure(
            f"the bucket {bucket} cannot send its events to onecopy: {error}; if it sends the same "
            "events elsewhere, send them to an SNS topic with both as subscribers"
        ) from error
