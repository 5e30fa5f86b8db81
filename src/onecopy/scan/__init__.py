"""Scanning brings an index up to date with its store.

scanning    a scan of the whole store that looks at each object, and reads
forgetting  forgets the records of objects that are gone
listing     a scan by listing, without a request for each object
pages       its pages, several spans of keys at once
merging     merges them into the index
unread      which objects are to be read
reading     reads them, and records their content digests
comparing   compares the files of a folder that share their size
groups      these files, in a temporary database
due         the sizes of which files are new since the last scan
samples     looks at a few objects, to learn which ETags are no MD5
spans       spans of keys
checkpoint  where an interrupted scan resumes
lease       one scan at a time
figures     the figures of a scan, and what was left out
keys        the same for single keys, named by events
records     the copies recorded at keys

`scan_by_listing` is imported on first use: it needs SQLite, which a Lambda function does not have.
"""

from typing import TYPE_CHECKING

from onecopy.scan.figures import Figures, Problem
from onecopy.scan.scanning import scan

if TYPE_CHECKING:
    from onecopy.scan.listing import scan_by_listing

__all__ = ["Figures", "Problem", "scan", "scan_by_listing"]


if not TYPE_CHECKING:  # otherwise type checkers would accept misspelt names

    def __getattr__(name: str) -> object:
        if name != "scan_by_listing":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from onecopy.scan.listing import scan_by_listing

        return scan_by_listing
