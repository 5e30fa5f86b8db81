"""The report as one HTML file that opens offline.

Script and style are built from `web/packages/report`; the policy in the file allows these two by
their hashes, and nothing else. What is embedded is bounded, and the page says so.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from onecopy.errors import unwritable
from onecopy.report.built import built, source
from onecopy.report.figures import Folder, Group, LikelyGroup, Report, Share, Shares
from onecopy.text import printable
from onecopy.version import __version__

GROUPS = 1000
"""The most groups of each kind in a page."""
_MOST_NAME = 400
"""Characters of a name; longer ones are shortened in the middle."""
_HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div id="page"><noscript>This page needs scripts, which are part of it. Without them, run
<code>onecopy report</code>, which prints the same figures as text.</noscript></div>
<script type="application/json" id="data">{data}</script>
<!--
{licenses}
-->
<script>{script}</script>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Avoided:
    """What was not sent in a month, because it was already stored."""

    time: int
    """Start of the month in seconds since 1970, UTC."""
    files: int
    bytes: int

    @classmethod
    def of(cls, month: str, files: int, length: int) -> "Avoided":
        """Return what was avoided in a month, such as `2026-03`."""
        start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
        return cls(int(start.timestamp()), files, length)

    @property
    def month(self) -> str:
        """The month, such as `2026-03`."""
        return datetime.fromtimestamp(self.time, UTC).strftime("%Y-%m")


@dataclass(frozen=True, slots=True)
class Placed:
    """The copies that were placed on request; all other figures include them."""

    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A report with everything that a page shows beside it."""

    report: Report
    folders: Folder
    store: str
    """The store's address without secrets."""
    made: int
    """Seconds since 1970."""
    prices: str
    """Where the prices come from, for display."""
    placed: Placed = Placed()
    avoided: Sequence[Avoided] = ()
    history: Sequence[Any] = ()

    def write(self, file: Path) -> None:
        """Write the page to a file, which is replaced; raises InvalidSettings."""
        try:
            file.write_text(self.html(), "utf-8")
        except OSError as error:
            raise unwritable(f"the report {file}", error.strerror) from error

    def html(self) -> str:
        """Return the page."""
        script, style, licenses = built("report")
        # JSON has no < that could end the element early.
        data = json.dumps(self._values(), separators=(",", ":")).replace("<", "\\u003c")
        return _HTML.format(
            policy=f"default-src 'none'; script-src {source(script)}; style-src {source(style)}",
            title="onecopy report",
            style=style,
            data=data,
            script=script,
            licenses=licenses,
        )

    def _values(self) -> dict[str, Any]:
        figures = self.report
        return {
            "made": self.made,
            "version": __version__,
            "store": printable(self.store),
            "totals": _totals(figures),
            "folders": _folder(self.folders),
            "types": _parts(figures.by_type),
            "ages": _parts(figures.by_age),
            "classes": [{**asdict(each), "usd": each.cost} for each in figures.classes],
            "byClass": _parts(figures.by_class),
            "tenants": _parts(figures.by_tenant),
            "groups": list(_groups(figures)),
            "placed": asdict(self.placed),
            "avoided": [asdict(month) for month in self.avoided],
            "history": [asdict(each) for each in self.history],
            "prices": self.prices,
        }


def _totals(figures: Report) -> dict[str, Any]:
    return {
        "stored": _amount(figures.stored, figures.stored_bytes, figures.cost),
        "proved": _amount(figures.duplicates, figures.wasted, figures.wasted_cost),
        "likely": _amount(figures.likely_duplicates, figures.likely_wasted, figures.likely_cost),
        "groups": figures.groups,
        "likelyGroups": figures.likely_groups,
        "inTrash": figures.in_trash,
        "toRead": figures.to_read,
    }


def _amount(objects: int, size: int, cost: float) -> dict[str, Any]:
    return {"objects": objects, "bytes": size, "usd": round(cost, 6)}


def _part(share: Share) -> dict[str, Any]:
    return {
        "name": _name(share.name),
        "proved": _amount(share.duplicates, share.wasted, share.cost),
        "likely": _amount(share.likely_duplicates, share.likely_wasted, share.likely_cost),
    }


def _parts(shares: Shares) -> dict[str, Any]:
    return {
        "first": [_part(share) for share in shares.first],
        "more": shares.more,
        "others": shares.others and _part(shares.others),
    }


def _folder(folder: Folder) -> dict[str, Any]:
    return {**_part(folder.share), "children": [_folder(child) for child in folder.children]}


def _groups(figures: Report) -> Iterator[dict[str, Any]]:
    groups: Sequence[Group | LikelyGroup] = (*figures.top[:GROUPS], *figures.likely_top[:GROUPS])
    for group in groups:
        kind, evidence = (
            ("likely", group.evidence)
            if isinstance(group, LikelyGroup)
            else ("proved", str(group.digest))
        )
        yield {
            "kind": kind,
            "tenant": group.tenant,
            "evidence": evidence,
            "size": group.size,
            "objects": group.objects,
            "wasted": group.wasted,
            "keys": [_name(key) for key in group.keys],
            "oldest": group.oldest,
        }


def _name(name: str) -> str:
    text = printable(name)
    half = _MOST_NAME // 2
    return text if len(text) <= _MOST_NAME else f"{text[:half]} … {text[-half:]}"
