"""A page with everything that a report can show."""

from onecopy.report.grouping import grouped
from onecopy.report.history import Kept
from onecopy.report.page import GROUPS, Avoided, Page, Placed
from onecopy.report.shares import DAY
from tests.report.copies import copy, listed

NOW = 1_790_000_000
ODD = "<script>alert(1)\u202e&amp;gpj.exe"
FOLDERS = (
    "photos/2019/Rome/",
    "photos/2019/Oslo/",
    "photos/2020/",
    "photos/phone/backup 3/",
    "films/",
    "mail/attachments/",
    "",
    "работа/отчёты/",
    f"{ODD}/",
    "photos</script>/",
)
ENDINGS = ("jpg", "mp4", "pdf", "docx", "zip", "png", "heic", "mov", "txt", "csv", "raw")
PRICES = {"STANDARD": 0.023, "GLACIER_IR": 0.004}


def page(contents: int = 400, *, likely: int = 30, avoided: int = 14) -> Page:
    """Return the page of a report with this number of contents."""
    copies = []
    for number in range(contents):
        size = 1 + (number * 7919) % 90_000_000
        for place in range(1 + number % 4):
            folder = FOLDERS[(number * (place + 1)) % len(FOLDERS)]
            key = f"{folder}file {number}-{place}.{ENDINGS[number % len(ENDINGS)]}"
            stored = NOW - (number * 13 % 1500) * DAY + place
            copies.append(copy(key, size, number, stored))
    names = [f"{FOLDERS[number % 5]}listed {number}.raw" for number in range(likely * 2)]
    others = [
        listed(key, 5_000_000 + number // 2, 1, NOW - DAY, ("STANDARD", "GLACIER_IR")[number % 2])
        for number, key in enumerate(names)
    ]
    with grouped(
        (("default", each) for each in copies), (("default", each) for each in others)
    ) as grouping:
        divisions = grouping.divide(lambda name: PRICES.get(name, 0.023), NOW)
        report = grouping.report(divisions, 0.023, top=GROUPS, keys=5, depth=1)
        tree = divisions.tree("s3://family-archive")
    return Page(
        report=report,
        folders=tree,
        store="s3://family-archive",
        made=NOW,
        prices="list price of 2025",
        placed=Placed(45, 1_300_000_000),
        avoided=[
            Avoided(NOW - (avoided - month) * 30 * DAY, 40 * month, (10**9 + 10**8 * month) % 2**31)
            for month in range(avoided)
        ],
        history=[
            Kept(NOW - (20 - week) * 7 * DAY, 10**5, 10**12, 3 * 10**10 - week * 10**9, 0)
            for week in range(20)
        ],
    )
