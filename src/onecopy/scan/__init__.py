"""Scanning: bringing an index up to what lies in its store."""

from onecopy.scan.scanning import Figures, Problem, scan

__all__ = ["Figures", "Problem", "scan"]
