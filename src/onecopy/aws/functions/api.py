"""Entry point of the HTTP API: the handler of requests from API Gateway."""

from contextlib import ExitStack

from onecopy.aws.functions.service import open_service
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.settings import read

_opened = ExitStack()  # stays open: Lambda ends a process without notice
handler = open_service(read(), FunctionSettings.read(), _opened)
