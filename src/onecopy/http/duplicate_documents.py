"""The JSON documents about duplicates."""

from datetime import datetime

from msgspec import Struct


class ShareDocument(Struct):
    """The duplicates in a folder, of a type or of an age."""

    name: str
    duplicates: int
    wasted_bytes: int


class DuplicatesDocument(Struct):
    """Duplicates of one kind. Folders include what is below them, and `""` is the whole store."""

    groups: int
    """Contents that are stored in several objects."""
    duplicates: int
    """Objects beyond the first one of each content."""
    wasted_bytes: int
    wasted_per_month: float
    """US dollars."""
    folders: list[ShareDocument]
    types: list[ShareDocument]
    """By extension, such as `.jpg`; `""`: without one; `*`: all others."""
    ages: list[ShareDocument]
    """By the time since the duplicates were stored, such as `1 to 3 years`, the youngest first."""


class DuplicatesResponse(Struct, omit_defaults=True):
    """Without `as_of`, duplicates are being counted for the first time: repeat the request."""

    counting: bool = False
    """Whether newer figures are being counted."""
    as_of: datetime | None = None
    partial: bool = False
    """Whether `proved` is of a part of the contents only, since all are counted the first time."""
    files: int = 0
    """Recorded copies, and objects that are only listed, as soon as these are counted; none of
    them is empty."""
    bytes: int = 0
    proved: DuplicatesDocument | None = None
    likely: DuplicatesDocument | None = None
    """Objects that share only weak evidence, such as an ETag; absent until they are counted."""


class GroupCopyDocument(Struct, omit_defaults=True):
    """An object of a group. It can be opened unless it is only `listed`."""

    key: str
    stored_at: datetime
    listed: bool = False
    storage_class: str = "STANDARD"


class GroupDocument(Struct):
    """Objects that have, or are likely to have, the same content; some of them in `copies`."""

    shared: str
    """The content digest, or the evidence that the objects share."""
    size: int
    objects: int
    wasted_bytes: int
    wasted_per_month: float
    """US dollars, by the storage classes of the duplicates."""
    copies: list[GroupCopyDocument]


class GroupsResponse(Struct, omit_defaults=True):
    """The groups that waste most, and the position after which the next ones come."""

    groups: list[GroupDocument]
    next: str | None = None
