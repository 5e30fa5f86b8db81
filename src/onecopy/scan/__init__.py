"""Scanning brings an index up to date with its store.

scanning    a scan of the whole store
keys        the same for single keys, named by events
records     the copies recorded at keys
"""

from onecopy.scan.scanning import Figures, Problem, scan

__all__ = ["Figures", "Problem", "scan"]
