"""Printing of counts for docs/reliability.md."""

import sys
from collections.abc import Mapping


def show(title: str, counts: Mapping[str, int]) -> None:
    """Print counts; seen with `pytest -rP`."""
    lines = [f"{times:12,}  {what}" for what, times in sorted(counts.items())]
    sys.stdout.write("\n".join([f"\n{title}", *lines, ""]))
    sys.stdout.flush()
