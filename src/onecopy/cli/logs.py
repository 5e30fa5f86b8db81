"""The log on standard error, in which text from elsewhere is safe on a terminal."""

import logging
import sys
from types import TracebackType

from onecopy.text import printable_lines

_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"


class SafeFormatter(logging.Formatter):
    """Formats a record so that its message and traceback are safe on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(super().format(record))


def log_to_terminal(level: str) -> None:
    """Log messages of at least this level to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(SafeFormatter(_FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler])


def show_defect(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Print the traceback of an exception that nothing handles, safe for a terminal."""
    text = logging.Formatter().formatException((kind, error, traceback))
    print(printable_lines(text), file=sys.stderr)
