"""Accessibility of a page, as axe-core finds it."""

import json
from functools import cache
from pathlib import Path

from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@cache
def _source() -> str:
    return _AXE.read_text("utf-8")


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with the page as it is now, a line for each rule."""
    page.evaluate(_source())
    found = page.evaluate("axe.run().then(({ violations }) => JSON.stringify(violations))")
    return [
        f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in json.loads(found)
    ]
