"""What S3 tells of its objects: the handler of its events, from S3 itself or through SQS."""

from contextlib import ExitStack

from onecopy.aws.functions.notices import open_notices
from onecopy.settings import read

_opened = ExitStack()  # until the process ends, of which Lambda does not tell
handler = open_notices(read(), _opened)
