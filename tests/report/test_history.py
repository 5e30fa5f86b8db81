"""Reports that were kept."""

from onecopy.index.memory import MemoryIndex
from onecopy.report import report
from onecopy.report.history import Kept, keep, kept
from tests.report.copies import copy


def test_reports_are_kept_in_order_and_bounded() -> None:
    """The oldest are dropped before the value of the index is full; tenants are apart."""
    index = MemoryIndex()
    figures = report([("default", copy(key, 10**13, 1)) for key in "ab"], price=0)
    for time in range(10**10, 10**10 + 600):
        keep(index, "ada", figures, time)
    found = kept(index, "ada")
    assert [each.time for each in found] == list(range(10**10 + 100, 10**10 + 600))
    assert found[-1] == Kept(10**10 + 599, 2, 2 * 10**13, 10**13, 0)
    assert len(index.get("reports/ada") or b"") < 64 * 1024
    assert kept(index, "bob") == []


def test_a_report_of_the_same_second_replaces_the_other() -> None:
    """A second run says the same, or knows better."""
    index = MemoryIndex()
    for size in (1, 2):
        keep(index, "ada", report([("ada", copy("a", size, 1))], price=0), 5)
    assert [each.bytes for each in kept(index, "ada")] == [2]
