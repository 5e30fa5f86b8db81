"""Hashing of files on all cores: many small files, or the parts of a large one, at a time.

`files` hashes open and closed files; `sections` hashes one large file in several threads.
"""

from onecopy.hashing.files import Source, hash_fd, hash_files
from onecopy.hashing.sections import Progress

__all__ = ["Progress", "Source", "hash_fd", "hash_files"]
