"""Entry point of confirming: the handler of messages that name ranges of large copies."""

from contextlib import ExitStack

from onecopy.aws.functions.range_events import open_range_events
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.settings import read

_opened = ExitStack()  # stays open: Lambda ends a process without notice
handler = open_range_events(read(), FunctionSettings.read(), _opened)
