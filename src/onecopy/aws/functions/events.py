"""Entry point of bucket events: the handler of events from S3, directly or through SQS."""

from contextlib import ExitStack

from onecopy.aws.functions.bucket_events import open_bucket_events
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.settings import read

_opened = ExitStack()  # stays open: Lambda ends a process without notice
handler = open_bucket_events(read(), FunctionSettings.read(), _opened)
