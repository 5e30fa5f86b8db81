"""Wrappers that make stores and indexes fail, or act between two calls, when a test wants it.

    faults = Faults()
    store = faults.wrap(FolderStore(...), "store")
    index = faults.wrap(open_index("memory:"), "index")
    faults.at("index.record", fail_after(Unavailable("the answer is lost")))
    faults.at("store.look", act_after(lambda: path.unlink()), skip=1)  # at the second look

A wrapped object keeps its contract while there are no faults, and it has only the methods that it
had before, so that optional protocols (`write`, `sign`) stay optional.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import IOBase
from threading import Lock
from typing import Any, NamedTuple, TypeVar, cast

from onecopy.store.interface import Unknown

_T = TypeVar("_T")


class Call(NamedTuple):
    """A call that is being made."""

    step: str
    """Such as `store.look`; for each item of an iterator, `store.objects.next`."""
    arguments: tuple[Any, ...]
    proceed: Callable[[], Any]
    """Makes the call."""


Rule = Callable[[Call], object]
"""Replaces a call: what it returns or raises is the result of the call."""


@dataclass
class _Trap:
    """A rule that waits for a call of a step."""

    step: str
    rule: Rule
    skip: int
    times: int | None


class Faults:
    """The rules for the wrapped objects; any thread may change them at any time."""

    def __init__(self) -> None:
        self._traps: list[_Trap] = []
        self._lock = Lock()

    def at(self, step: str, rule: Rule, *, skip: int = 0, times: int | None = 1) -> None:
        """Apply the rule to the next `times` calls of a step (None: all), after `skip` others.

        If several rules wait for a call, the first applies, and its call proceeds to the next.
        """
        with self._lock:
            self._traps.append(_Trap(step, rule, skip, times))

    def clear(self) -> None:
        """Remove all rules."""
        with self._lock:
            self._traps.clear()

    @property
    def waiting(self) -> int:
        """The number of rules that still wait; 0 if every fault has occurred."""
        with self._lock:
            return len(self._traps)

    def wrap(self, inner: _T, layer: str) -> _T:
        """Return the wrapped object; its steps are named `layer.method`."""
        return cast(_T, _Faulty(inner, layer, self))

    def apply(self, call: Call) -> object:
        """Make a call under the rules that wait for it."""
        for rule in reversed(self._due(call.step)):
            call = call._replace(proceed=partial(rule, call))
        return call.proceed()

    def _due(self, step: str) -> list[Rule]:
        with self._lock:
            due = [trap for trap in self._traps if trap.step == step]
            ready = [trap for trap in due if trap.skip == 0]
            for trap in due:
                if trap.skip:
                    trap.skip -= 1
                elif trap.times is not None:
                    trap.times -= 1
            self._traps = [trap for trap in self._traps if trap.times != 0]
            return [trap.rule for trap in ready]


class _Faulty:
    """Passes every call on under the rules."""

    def __init__(self, inner: object, layer: str, faults: Faults) -> None:
        self._inner = inner
        self._layer = layer
        self._faults = faults

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as in the wrapped object
        member = getattr(self._inner, name)
        if not callable(member):
            return member
        step = f"{self._layer}.{name}"

        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as in the wrapped object
            proceed = partial(member, *arguments, **named)
            result = self._faults.apply(Call(step, arguments, proceed))
            if isinstance(result, Iterator) and not isinstance(result, IOBase):
                return self._each(step, result)
            return result

        return call

    def _each(self, step: str, items: Iterator[Any]) -> Iterator[Any]:
        end = object()
        while True:
            item = self._faults.apply(Call(f"{step}.next", (), lambda: next(items, end)))
            if item is end:
                return
            yield item


def fail_before(error: Exception) -> Rule:
    """Raise instead of making the call."""

    def rule(_: Call) -> object:
        raise error

    return rule


def fail_after(error: Exception) -> Rule:
    """Make the call, then raise instead of returning its result."""

    def rule(call: Call) -> object:
        result = call.proceed()
        if isinstance(result, IOBase):
            result.close()  # the caller never gets it
        raise error

    return rule


def act_before(action: Callable[[], object]) -> Rule:
    """Act before the call, as a faster process would."""

    def rule(call: Call) -> object:
        action()
        return call.proceed()

    return rule


def act_after(action: Callable[[], object]) -> Rule:
    """Act between this call and the next, as another process would."""

    def rule(call: Call) -> object:
        result = call.proceed()
        action()
        return result

    return rule


def unknown(reason: str, *keys: str) -> Rule:
    """Answer `look` with Unknown for these keys, or for all if none are given."""

    def rule(call: Call) -> object:
        return [
            Unknown(reason) if not keys or key in keys else seen
            for key, seen in zip(call.arguments[0], call.proceed(), strict=True)
        ]

    return rule
