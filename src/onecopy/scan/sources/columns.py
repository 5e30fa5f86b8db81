"""What the names of columns mean, in whatever spelling: LastModifiedDate, last_modified_date.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/metadata-tables-inventory-schema.html
"""

import re
from collections.abc import Sequence

from onecopy.errors import InvalidSettings
from onecopy.scan.sources.interface import Known

_MEANINGS = {
    "bucket": "bucket",
    "key": "key",
    "size": "size",
    "etag": "etag",
    "lastmodified": "modified",
    "lastmodifieddate": "modified",
    "storageclass": "storage_class",
    "checksumalgorithm": "checksums",
    "encryptionstatus": "encryption",
    "islatest": "is_latest",
    "isdeletemarker": "is_marker",
    "sequencenumber": "sequence",
    "lifecycleexpirationdate": "expires",
}
_REQUIRED = ("key", "size")
_SEPARATORS = re.compile(r"[\s_-]")


class Columns:
    """The columns of a table that have a meaning; all others are not read."""

    def __init__(self, names: Sequence[str], source: str) -> None:
        """Raise InvalidSettings, which names the source, unless the table lists objects."""
        self._names: dict[str, str] = {}
        for name in names:
            meaning = _MEANINGS.get(_SEPARATORS.sub("", name).lower())
            if meaning in self._names:
                raise InvalidSettings(
                    f"{source} has two columns for the same: {self._names[meaning]} and {name}; "
                    "rename one of them"
                )
            if meaning:
                self._names[meaning] = name
        if missing := [name for name in _REQUIRED if name not in self._names]:
            raise InvalidSettings(
                f"{source} has no column {' and '.join(missing)}; its columns are "
                f"{', '.join(names)[:500]}, and those of a list of objects are key, size, etag, "
                "last_modified, storage_class, checksum_algorithm"
            )

    @property
    def wanted(self) -> list[str]:
        """The names of the columns to read."""
        return list(self._names.values())

    def name(self, meaning: str) -> str | None:
        """Return the name of the column with a meaning, or None."""
        return self._names.get(meaning)

    @property
    def has_versions(self) -> bool:
        """Whether a row may be an older version, and only others of its key show that."""
        return "sequence" in self._names and "is_latest" not in self._names

    @property
    def known(self) -> Known:
        """Which optional columns there are."""
        names = self._names
        return Known("encryption" in names, "storage_class" in names, "checksums" in names)
