"""The HTTP API: the handler of requests from API Gateway."""

from contextlib import ExitStack

from onecopy.aws.functions.service import open_service
from onecopy.settings import read

_opened = ExitStack()  # until the process ends, of which Lambda does not tell
handler = open_service(read(), _opened)
