"""The pages of a listing, several spans of keys at once.

Each thread lists a span. One that has nothing left to do divides the span that has proved to be the
longest, and lists the second half. Where that overtakes a page that is being listed, the second
part of that page is dropped, so that no object is missed or comes twice.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import attrgetter
from queue import SimpleQueue
from threading import Condition
from typing import NamedTuple

from onecopy.listing import ListedCopy, Span
from onecopy.own_files import OwnFiles
from onecopy.scan.spans import is_through, recordable
from onecopy.store.interface import LeftOut
from onecopy.store.listings import Listable, Page
from onecopy.workers import Counter, Workers

GROUP = 10_000
"""Objects of a group, at least, unless its span ends before."""
_ENOUGH = 4
"""Pages after which a span is divided: dividing costs a few requests."""
_POLL_SECONDS = 0.1
"""How often an idle thread checks whether it has to stop."""


class Group(NamedTuple):
    """Pages that follow each other."""

    copies: list[ListedCopy]
    left_out: list[LeftOut]
    empty: int
    span: Span

    @staticmethod
    def of(pages: list[Page]) -> "Group":
        """Join pages, of which there is at least one."""
        return Group(
            [copy for page in pages for copy in page.copies],
            [each for page in pages for each in page.left_out],
            sum(page.empty for page in pages),
            recordable(Span(pages[0].span.after, pages[-1].span.through)),
        )


class _Task:
    """A span that a thread lists; another thread may take its end away."""

    def __init__(self, span: Span) -> None:
        self.rest: Span | None = span
        """What is not yet listed."""
        self.pages = 0
        """Pages listed since another thread last tried to divide it."""
        self.enough = _ENOUGH
        """Pages that must be listed before another thread tries; twice as many after each try."""

    @property
    def is_done(self) -> bool:
        """Whether all is listed."""
        return self.rest is None


class Listing:
    """A listing of some spans of a store's keys."""

    def __init__(self, store: Listable, own: OwnFiles, spans: Iterable[Span]) -> None:
        self._store = store
        self._own = own
        self._waiting = [_Task(span) for span in spans]
        self._running: list[_Task] = []
        self._changed = Condition()
        self._groups: SimpleQueue[Group | Exception | None] = SimpleQueue()
        self._in_flight = Counter()

    def groups(self, workers: Workers, connections: int) -> Iterator[Group]:
        """Yield groups of pages that together cover the spans, in no particular order."""
        for _ in range(connections):
            workers.start(lambda: self._work(workers, connections), self._groups.put)
        ended = 0
        while ended < connections:
            match self._groups.get():
                case Exception() as error:
                    raise error
                case None:
                    ended += 1
                case group:
                    yield group
                    self._in_flight.add(-1)

    def in_order(self) -> Iterator[Group]:
        """Yield the same in the order of keys, listed by the caller's thread.

        For a folder, where threads that wait for each other cost more than they gain.
        """
        for task in self._waiting:
            yield from _grouped(self._pages(task))

    def _work(self, workers: Workers, most_in_flight: int) -> None:
        while task := self._next(workers):
            try:
                for group in _grouped(self._pages(task)):
                    self._in_flight.wait_below(most_in_flight, workers)
                    self._in_flight.add(1)
                    self._groups.put(group)
            finally:
                self._end(task)
        self._groups.put(None)

    def _next(self, workers: Workers) -> _Task | None:
        """Wait for a span to list; return None if all are listed."""
        while True:
            with self._changed:
                if self._waiting:
                    self._running.append(self._waiting.pop(0))
                    return self._running[-1]
                if not self._running:
                    return None
                if not (longest := self._longest()):
                    self._changed.wait(_POLL_SECONDS)
            workers.check()
            if longest:
                self._divide(longest)

    def _longest(self) -> _Task | None:
        """Return the span to divide, which no other thread then tries to."""
        task = max(self._running, key=lambda task: task.pages / task.enough)
        if task.pages < task.enough:
            return None
        task.pages, task.enough = 0, 2 * task.enough
        return task

    def _divide(self, task: _Task) -> None:
        """Take away the second half of a span, if it is worth it."""
        rest = task.rest
        middle = self._store.split(rest) if rest else None
        with self._changed:
            rest = task.rest
            if middle is None or rest is None or not rest.has(middle) or middle == rest.through:
                return
            task.rest, task.enough = Span(rest.after, middle), _ENOUGH
            self._waiting.append(_Task(Span(middle, rest.through)))
            self._changed.notify()

    def _pages(self, task: _Task) -> Iterator[Page]:
        while rest := task.rest:
            for page in self._store.list_pages(rest, self._own):
                if (own := self._advance(task, page)) is None:
                    break
                yield own
                if task.is_done:
                    return
            if task.rest == rest:
                raise RuntimeError(f"the listing of {rest} ended before it was complete")

    def _advance(self, task: _Task, page: Page) -> Page | None:
        """Note that a page was listed; return the part that no other thread lists.

        None if that part has to be listed again, because it is not known what it has.
        """
        with self._changed:
            rest = task.rest
            if rest is None:
                return None
            if rest.through is not None and not is_through(rest, page.span.through):
                if page.empty or page.left_out:
                    return None
                page = _until(page, rest.through)
            is_end = page.span.through is None or page.span.through == rest.through
            task.rest = None if is_end else Span(str(page.span.through), rest.through)
            task.pages += 1
            self._changed.notify()
            return page

    def _end(self, task: _Task) -> None:
        with self._changed:
            self._running.remove(task)
            self._changed.notify_all()


def _until(page: Page, key: str) -> Page:
    """Return the part of a page up to a key, if all that it has are copies."""
    end = bisect_right(page.copies, key, key=attrgetter("key"))
    return Page(page.copies[:end], [], 0, Span(page.span.after, key))


def _grouped(pages: Iterable[Page]) -> Iterator[Group]:
    group: list[Page] = []
    objects = 0
    for page in pages:
        group.append(page)
        objects += len(page.copies) + len(page.left_out) + page.empty
        if objects >= GROUP:
            yield Group.of(group)
            group, objects = [], 0
    if group:
        yield Group.of(group)
