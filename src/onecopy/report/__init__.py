"""Report on stored duplicates and their cost: those that are proved, and those that are likely."""

from onecopy.report.figures import Group, LikelyGroup, Report
from onecopy.report.grouping import report
from onecopy.report.listed import listed_only

__all__ = ["Group", "LikelyGroup", "Report", "listed_only", "report"]
