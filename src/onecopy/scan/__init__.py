"""Scanning brings an index up to date with its store.

scanning    a scan of the whole store
figures     its figures, and what was left out
keys        the same for single keys, named by events
records     the copies recorded at keys
"""

from onecopy.scan.figures import Figures, Problem
from onecopy.scan.scanning import scan

__all__ = ["Figures", "Problem", "scan"]
