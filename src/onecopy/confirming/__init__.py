"""Confirming in the background: stored copies too large to be read within a request are read once.

A copy is read in ranges by one reader at a time, which holds a lease. Finished ranges are recorded
in the index, so that another process resumes where one ended.
"""

from onecopy.confirming.readers import Readers

__all__ = ["Readers"]
