"""Local files: walking folders, and detecting files that change while they are read.

`file` is a file as it was listed, `skipped` a path that is not uploaded and why, and `walking`
finds both at and below some paths.
"""

from onecopy.files.file import File
from onecopy.files.skipped import Skipped
from onecopy.files.walking import walk

__all__ = ["File", "Skipped", "walk"]
