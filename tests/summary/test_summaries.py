"""Summaries are of the index as it is, whichever process changed it."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Event

import pytest

from onecopy.content import Copy, Digests
from onecopy.errors import OnecopyError, Unavailable
from onecopy.index import open_index
from onecopy.index.interface import Classified, Stored
from onecopy.index.memory import MemoryIndex
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.patterns import Patterns
from onecopy.prices import price_of
from onecopy.summary import Summaries, Summary, keeping
from onecopy.summary import summaries as summaries_module
from onecopy.summary.summaries import MOST_TENANTS, RepeatsIndex
from onecopy.testing.index.values import a_copy, copies_of, md5_of, proved


@pytest.fixture(params=["memory:", "sqlite:index.sqlite"])
def index(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RepeatsIndex]:
    """Open an index whose figures may be counted again at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keeping, "_REST", 0)
    opened = open_index(request.param)
    assert isinstance(opened, RepeatsIndex)
    yield opened
    opened.close()


@pytest.fixture
def summaries(index: RepeatsIndex) -> Iterator[Summaries]:
    """Return summaries of the index."""
    made = Summaries(index, Patterns(["trash/"]), hard_links=False, price_of=price_of)
    yield made
    made.close()


def latest(summaries: Summaries, tenant: str = "t") -> Summary:
    """Return the summary of now, with likely duplicates."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        counting: Future[OnecopyError | None] | None = summaries.refresh(tenant)
        if counting is not None:
            assert counting.result(10) is None
        summary, is_counting = summaries.latest(tenant)
        if summary is not None and not is_counting:
            return summary
        time.sleep(0.005)
    raise AssertionError("counting does not end")


def test_changes_show(index: RepeatsIndex, summaries: Summaries) -> None:
    """What is recorded or forgotten shows in the next summary."""
    empty = latest(summaries)
    assert (empty.stored, empty.proved.groups) == (Stored(0, 0, 0), 0)
    index.record("t", copies_of("a", 3))
    assert latest(summaries).proved.duplicates == 2
    index.record("t", [a_copy("trash/a", proved("a"))])
    summary = latest(summaries)
    assert (summary.stored, summary.proved.wasted) == (Stored(4, 4000, 0), 2000)
    index.forget("t", copies_of("a", 2))
    assert latest(summaries).proved.groups == 0


def test_other_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan by another process shows, too."""
    monkeypatch.setattr(keeping, "_REST", 0)
    path = f"sqlite:{tmp_path / 'index.sqlite'}"
    index, other = open_index(path), open_index(path)
    assert isinstance(index, RepeatsIndex)
    summaries = Summaries(index, Patterns(), hard_links=False, price_of=price_of)
    assert latest(summaries).proved.groups == 0
    other.add(("t", copy) for copy in copies_of("a", 2))
    assert latest(summaries).proved.groups == 1
    summaries.close()
    index.close()
    other.close()


def test_unchanged_index_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as nothing changes, nothing is counted, and the figures are those of now."""
    index = open_index(f"sqlite:{tmp_path / 'index.sqlite'}")
    assert isinstance(index, RepeatsIndex)
    summaries = Summaries(index, Patterns(), hard_links=False, price_of=price_of)
    first = latest(summaries)
    monkeypatch.setattr(summaries, "_count", None)
    assert summaries.refresh("t") is None
    again = summaries.latest("t")[0]
    assert again is not None
    assert again.as_of >= first.as_of
    summaries.close()
    index.close()


def test_tenants_are_apart(index: RepeatsIndex, summaries: Summaries) -> None:
    """A tenant's summary has nothing of another tenant."""
    index.record("t", copies_of("a", 3))
    index.record("u", [*copies_of("a", 1), *copies_of("b", 2)])
    assert latest(summaries).proved.duplicates == 2
    summary = latest(summaries, "u")
    assert summary.proved.duplicates == 1
    assert [share.name for share in summary.proved.folders] == ["", "b"]
    assert latest(summaries, "v").stored == Stored(0, 0, 0)


def test_likely(index: RepeatsIndex, summaries: Summaries) -> None:
    """Copies that share only weak evidence are likely duplicates, listed ones as well."""
    weak = Digests.proved(md5_of("w"))
    index.add([("t", a_copy("1", weak)), ("t", a_copy("2", weak)), ("t", a_copy("3", proved("a")))])
    tag = md5_of("w").value
    merge = index.merge  # type: ignore[attr-defined]
    merge("t", EVERYTHING, [ListedCopy("4", 1000, tag, 0, False, 0)])
    summary = latest(summaries)
    likely = summary.likely
    assert likely is not None
    assert summary.stored == Stored(4, 4000, 3)
    assert (likely.groups, likely.duplicates, likely.wasted) == (1, 2, 2000)
    assert [(group.objects, group.keys) for group in likely.largest] == [(3, ("1", "2", "4"))]
    assert likely.cost == pytest.approx(2000 * 0.023e-9)


def test_files_are_counted_alike(index: RepeatsIndex) -> None:
    """Names of one file and copies in trash are files, whether or not something is only listed."""
    made = Summaries(index, Patterns(["trash/"]), hard_links=True, price_of=price_of)
    copy = a_copy("a", proved("a"))
    index.record("t", [copy, copy._replace(key="link"), a_copy("trash/b", proved("b"))])
    assert latest(made).stored == Stored(3, 3000, 0)
    listed = [ListedCopy(key, 10, md5_of("w").value, 0, True, 1) for key in ("c", "link-to-c")]
    index.merge("t", EVERYTHING, listed)  # type: ignore[attr-defined]
    assert latest(made).stored == Stored(5, 3020, 2)
    made.close()


def test_likely_groups_cost_what_their_classes_cost(
    index: RepeatsIndex, summaries: Summaries
) -> None:
    """The first object of a likely group is needed, and so is a proved one; the others cost."""
    index.add([("t", a_copy("3", proved("b"))._replace(storage_class="GLACIER"))])
    listed = [
        ListedCopy(key, 1000, md5_of(content).value, 0, False, number, kind)
        for number, (key, content, kind) in enumerate(
            [
                ("1", "w", "STANDARD"),
                ("2", "w", "DEEP_ARCHIVE"),
                ("4", "b", "STANDARD_IA"),
                ("5", "b", "STANDARD"),
            ]
        )
    ]
    index.merge("t", EVERYTHING, listed)  # type: ignore[attr-defined]
    likely = latest(summaries).likely
    assert likely is not None
    costs = {group.keys: group.cost for group in likely.largest}
    expected = {("1", "2"): 0.00099e-6, ("3", "4", "5"): (0.0125 + 0.023) * 1e-6}
    assert costs == pytest.approx(expected)
    assert likely.cost == pytest.approx(sum(expected.values()))


def test_likely_places(index: RepeatsIndex, summaries: Summaries) -> None:
    """Likely duplicates are divided as proved ones are."""
    tag, second = md5_of("w").value, 1_600_000_000
    listed = [
        ListedCopy(key, 1000, tag, 0, False, second + at)
        for at, key in enumerate(["a/b/1.JPG", "a/b/2.jpg", "a/c/3.jpg", "d"])
    ]
    index.merge("t", EVERYTHING, sorted(listed))  # type: ignore[attr-defined]
    index.record("t", copies_of("x", 2))
    likely = latest(summaries).likely
    assert likely is not None
    assert likely.folders == (("", 3, 3000), ("a", 2, 2000), ("a/b", 1, 1000), ("a/c", 1, 1000))
    assert likely.types == ((".jpg", 2, 2000), ("", 1, 1000))
    assert likely.ages == (("over 3 years", 3, 3000),)


def test_storage_classes(index: RepeatsIndex, summaries: Summaries) -> None:
    """Proved duplicates cost what their storage classes cost, as soon as these change."""
    copies = copies_of("x", 3)
    index.record("t", copies)
    assert latest(summaries).proved.cost == pytest.approx(2000 * 0.023e-9)
    assert isinstance(index, Classified)
    index.classify("t", [copy._replace(storage_class="GLACIER") for copy in copies[:2]])
    assert latest(summaries).proved.cost == pytest.approx(1000 * (0.023e-9 + 0.0036e-9))


def test_none_likely(index: RepeatsIndex, summaries: Summaries) -> None:
    """If all copies are proved, there are no likely duplicates, and no copy is read for that."""
    index.record("t", copies_of("a", 3))
    index.copies = None  # type: ignore[assignment, method-assign]
    likely = latest(summaries).likely
    assert likely is not None
    assert likely.groups == 0


def test_failure_is_reported(summaries: Summaries, index: RepeatsIndex) -> None:
    """If the index fails, requests that wait get the reason, and the next one tries again."""
    repeated = index.repeated

    def fail(_: str) -> Iterator[Sequence[Copy]]:
        raise Unavailable("no answer")

    index.repeated = fail  # type: ignore[assignment, method-assign]
    counting = summaries.refresh("t")
    assert counting is not None
    assert isinstance(counting.result(10), Unavailable)
    index.repeated = repeated  # type: ignore[method-assign]
    assert latest(summaries).stored == Stored(0, 0, 0)


def test_a_defect_is_logged_and_ends_waiting(
    summaries: Summaries, index: RepeatsIndex, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits forever, and the log says where it was."""

    def fail(_: str) -> Iterator[Sequence[Copy]]:
        raise ZeroDivisionError("by zero")

    index.repeated = fail  # type: ignore[assignment, method-assign]
    counting = summaries.refresh("t")
    assert counting is not None
    assert isinstance(error := counting.result(10), Unavailable)
    assert "by zero" in str(error)
    assert "ZeroDivisionError" in caplog.text


def test_counting_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are not counted again at once, however often the index changes."""
    index = MemoryIndex()
    summaries = Summaries(index, Patterns(), hard_links=False, price_of=price_of)
    latest(summaries)
    monkeypatch.setattr(keeping, "monotonic", lambda: 0.0)
    index.record("t", copies_of("a", 2))
    assert summaries.refresh("t") is None
    summary = summaries.latest("t")[0]
    assert summary is not None
    assert summary.proved.groups == 0


def test_few_tenants_are_kept() -> None:
    """The summaries that were not requested in a while are dropped."""
    summaries = Summaries(MemoryIndex(), Patterns(), hard_links=False, price_of=price_of)
    for number in range(MOST_TENANTS + 5):
        latest(summaries, f"t{number}")
    assert summaries.latest("t0")[0] is None
    assert summaries.latest(f"t{MOST_TENANTS}")[0] is not None


def test_closing_ends_counting() -> None:
    """Counting ends soon when the service stops."""
    index = MemoryIndex()
    index.record("t", copies_of("a", 2))
    summaries = Summaries(index, Patterns(), hard_links=False, price_of=price_of)
    summaries.close()
    counting = summaries.refresh("t")
    assert counting is not None
    assert isinstance(counting.result(10), Unavailable)


def test_first_figures_are_shown_while_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as there are no others, what was found so far is shown, and said to be a part."""
    monkeypatch.setattr(summaries_module, "_SHOW_SECONDS", 0)
    index, found, shown = MemoryIndex(), Event(), Event()

    def repeated(_: str) -> Iterator[Sequence[Copy]]:
        yield copies_of("a", 2)
        yield copies_of("b", 2)
        found.set()
        shown.wait(10)
        yield copies_of("c", 2)

    index.repeated = repeated  # type: ignore[assignment, method-assign]
    summaries = Summaries(index, Patterns(), hard_links=False, price_of=price_of)
    counting = summaries.refresh("t")
    assert counting is not None
    assert found.wait(10)
    part, is_counting = summaries.latest("t")
    assert part is not None
    assert (part.stored, part.proved.groups, is_counting) == (None, 2, True)
    shown.set()
    assert latest(summaries).proved.groups == 3
    summaries.close()
