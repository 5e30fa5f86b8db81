"""What a tenant has stored twice, counted once and kept ready for the page."""

from onecopy.summary.counting import Count
from onecopy.summary.figures import Duplicates, LargeGroup, Share, Summary
from onecopy.summary.summaries import Summaries

__all__ = ["Count", "Duplicates", "LargeGroup", "Share", "Summaries", "Summary"]
