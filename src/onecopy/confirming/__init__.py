"""Confirming in the background: stored copies too large to be read within a request are read once.

A copy is read in ranges by one reader at a time, which holds a lease. Finished ranges are recorded
in the index, so that another process resumes where one ended.
"""

from onecopy.confirming.budget import Limits
from onecopy.confirming.defaults import limits_for
from onecopy.confirming.reader import Reading
from onecopy.confirming.readers import CONFIRMING, Readers
from onecopy.confirming.retrieval import refusal
from onecopy.reading.parts import is_ranged

__all__ = ["CONFIRMING", "Limits", "Readers", "Reading", "is_ranged", "limits_for", "refusal"]
