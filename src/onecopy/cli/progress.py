"""Progress on standard error: the work done, the speed and the time left."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Never

import click

from onecopy.errors import Failure, OnecopyError
from onecopy.text import count_text, percent, printable, printable_lines

if TYPE_CHECKING:
    from tqdm import tqdm


class ReaderLeft(Exception):
    """The reader of our output has closed it, as in `onecopy check … | head`."""


class Display:
    """Output of results, messages and progress; without a bar, progress is not shown.

    Texts may come from elsewhere, such as names, or messages of a server: they are made safe here.
    """

    def __init__(self, bar: "tqdm[Never] | None" = None) -> None:
        self._bar = bar
        self._read = 0
        self._has_waited = False

    @property
    def callback(self) -> Callable[[int, int], object] | None:
        """The function to call with progress; None without a bar, so that none is computed."""
        return self.progress if self._bar is not None else None

    def line(self, text: str) -> None:
        """Write a line of a result to standard output; raises ReaderLeft and Failure."""
        safe = printable(text)
        try:
            if self._bar is not None and sys.stdout.isatty():
                self._bar.write(safe, file=sys.stdout)
            else:
                print(safe)
        except BrokenPipeError as error:
            raise ReaderLeft from error
        except OSError as error:
            raise Failure(f"cannot write the results: {error.strerror}") from error

    def note(self, text: str) -> None:
        """Write a message to standard error; lines after the first are indented."""
        safe = f"onecopy: {printable_lines(text)}"
        if self._bar is not None:
            self._bar.write(safe, file=sys.stderr)
        else:
            print(safe, file=sys.stderr)

    def detail(self, text: str, *, now: bool = False) -> None:
        """Show a text after the bar, at once or from the next progress on."""
        if self._bar is not None:
            self._bar.set_postfix_str(printable(text), refresh=now)

    def confirming(self, read: int, size: int) -> None:
        """Show how far stored copies have been read to confirm matches."""
        self.detail(f"confirming {percent(read, size)}", now=True)

    def waiting(self, files: int) -> None:
        """Show how many files wait for other uploads of their contents; without a bar, once."""
        count = count_text(files, "file")
        self.detail(f"waiting for other uploads of {count}", now=True)
        if self._bar is None and not self._has_waited:
            self._has_waited = True
            self.note(f"waiting up to a minute for other uploads of the same content: {count}")

    def progress(self, done: int, read: int) -> None:
        """Add to the bytes completed and the bytes read."""
        if self._bar is not None:
            self._read += read
            if read:
                self._bar.set_postfix_str(f"read {self._read / 1e6:,.0f} MB", refresh=False)
            self._bar.update(done)


def takes_progress(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--progress` to a command."""
    return click.option(
        "--progress/--no-progress",
        default=None,
        help="Show progress on standard error.  [default: on a terminal]",
    )(command)


@contextmanager
def display(
    *, progress: bool | None, unit: str = "B", sizes: Iterable[int] = ()
) -> Iterator[Display]:
    """Yield a display, with a bar if `progress` is true (None: if standard error is a terminal).

    The sum of `sizes` is the total; a thread adds them up, so that the work need not wait.
    """
    if not (sys.stderr.isatty() if progress is None else progress):
        yield Display()
        return
    from tqdm import tqdm

    ended = Event()
    bar = tqdm(unit=unit, unit_scale=True, file=sys.stderr, dynamic_ncols=True)
    Thread(target=_count, args=(sizes, bar, ended), daemon=True).start()
    try:
        with bar:
            yield Display(bar)
    finally:
        ended.set()


def _count(sizes: Iterable[int], bar: "tqdm[Never]", ended: Event) -> None:
    total = 0
    with suppress(OnecopyError, OSError):  # the work itself meets and reports them
        for size in sizes:
            if ended.is_set():
                return
            total += size
        bar.total = total or None
