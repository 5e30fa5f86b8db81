"""Report on stored duplicates and their cost: those that are proved, and those that are likely."""

from onecopy.report.figures import (
    Folder,
    Group,
    LikelyGroup,
    Report,
    Share,
    Shares,
    StorageClass,
)
from onecopy.report.grouping import report
from onecopy.report.listed import listed_only

__all__ = [
    "Folder",
    "Group",
    "LikelyGroup",
    "Report",
    "Share",
    "Shares",
    "StorageClass",
    "listed_only",
    "report",
]
