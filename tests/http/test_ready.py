"""Whether index and store answer, for load balancers."""

import asyncio
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from onecopy.errors import Unavailable
from onecopy.http import ready
from onecopy.http.app import Options
from onecopy.http.ready import BackEnd
from onecopy.http.threads import Threads
from tests.http.conftest import Service, Start


def fails() -> None:
    """Fail as an index or a store does."""
    raise Unavailable("can't reach db.internal:5432")


def test_it_needs_no_token(start: Start) -> None:
    """Both answer; the watchers of a service have no token."""
    answer = start(Options(), tokens_required=True).ask("GET", "/readyz")
    assert (answer.status, answer.body) == (200, b"ok\n")
    assert answer.headers["cache-control"] == "no-store"


def test_the_store_is_gone(service: Service, tmp_path: Path) -> None:
    """503 names the store and no path, while the process itself is healthy; until it is back."""
    folder, aside = tmp_path / "files", tmp_path / "aside"
    shutil.move(folder, aside)
    folder.mkdir()
    answer = service.ask("GET", "/readyz")
    assert (answer.status, answer.reason) == (503, "store-unavailable")
    assert answer.json["detail"] == "The store cannot be reached."
    assert answer.headers["retry-after"] == "1"
    assert service.ask("GET", "/healthz").status == 200
    folder.rmdir()
    shutil.move(aside, folder)
    time.sleep(ready.KEEP_SECONDS)
    assert service.ask("GET", "/readyz").status == 200


def test_the_index_fails(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 names the index, or both."""
    monkeypatch.setattr(type(service.index), "get", lambda *_: fails())
    answer = service.ask("GET", "/readyz")
    assert (answer.status, answer.reason) == (503, "index-unavailable")
    assert answer.json["detail"] == "The index cannot be reached."
    monkeypatch.setattr(type(service.store), "look", lambda *_: fails())
    time.sleep(ready.KEEP_SECONDS)
    both = service.ask("GET", "/readyz")
    assert both.json["detail"] == "The index and the store cannot be reached."


def asked(ask: Callable[[], object], times: int, pause: float = 0) -> list[bool]:
    """Ask a back end some times at once, and again after a pause."""

    async def run() -> list[bool]:
        back_end = BackEnd("store", ask, Threads())
        first = await asyncio.gather(*(back_end.answers() for _ in range(times)))
        await asyncio.sleep(pause)
        return [*first, await back_end.answers()]

    return asyncio.run(run())


def test_it_is_asked_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask, and then again."""
    calls: list[int] = []
    assert asked(lambda: calls.append(1), 20) == [True] * 21
    assert len(calls) == 1
    monkeypatch.setattr(ready, "KEEP_SECONDS", 0.05)
    asked(lambda: calls.append(1), 20, 0.06)
    assert len(calls) == 3


def test_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not ready, and holds up one thread only, until it answers."""
    monkeypatch.setattr(ready, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(ready, "KEEP_SECONDS", 0.0)
    hangs, calls = threading.Event(), []

    def ask() -> None:
        calls.append(1)
        hangs.wait(10)

    began = time.monotonic()
    try:
        assert asked(ask, 20, 0.1) == [False] * 21
    finally:
        hangs.set()
    assert len(calls) == 1
    assert time.monotonic() - began < 5
