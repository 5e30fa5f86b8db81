"""Scripts and styles that are built from `web/packages/report`, for files that open offline."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from onecopy.errors import InvalidSettings

_FOLDER = Path(__file__).parent / "page"


class Built(NamedTuple):
    """A script and a style, each for one element of a page, and the licences of what is in them."""

    script: str
    style: str
    licenses: str
    """For a comment of HTML."""


def built(name: Literal["report", "bench"]) -> Built:
    """Return what was built; raises InvalidSettings if it was not."""
    try:
        script, style, licenses = (
            (_FOLDER / f"{name}.{kind}").read_text("utf-8").strip()
            for kind in ("js", "css", "licenses.md")
        )
    except FileNotFoundError as error:
        raise InvalidSettings(
            "the page of the report has not been built: run `make page`"
        ) from error
    # What would end the element or the comment early.
    return Built(script.replace("</script", "<\\/script"), style, licenses.replace("--", "- -"))


def source(text: str) -> str:
    """Return what a Content-Security-Policy calls a script or style in the page."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
