"""What check and upload request from a gate."""

import mimetypes
from collections.abc import Iterable

from onecopy.digest import Scheme, content_scheme
from onecopy.gate.interface import Gate, Request
from onecopy.upload.item import Item
from onecopy.upload.options import Options

_MAX_FILES = 1000


def max_files(gate: Gate) -> int:
    """Return the maximum number of files in one request."""
    return min(_MAX_FILES, gate.config().limits.files)


def schemes_for(size: int, known: Iterable[Scheme]) -> list[Scheme]:
    """Return the schemes to compute for a file: the content digest's first, then the known ones."""
    content = content_scheme(size)
    return [content, *sorted(set(known) - {content}, key=str)]


def begin_request(item: Item, options: Options) -> Request:
    """Return the request that begins the upload of a file."""
    content_type, _ = mimetypes.guess_type(item.key)
    anyway, metadata = options.anyway, options.metadata
    return Request(item.key, item.file.size, item.digest, content_type, anyway, metadata)
