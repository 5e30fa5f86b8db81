"""Patterns of paths and keys, in the syntax of .gitignore (https://git-scm.com/docs/gitignore).

Paths and keys are relative, with `/` between names: a pattern that begins with `/` matches from the
first name of a key, and one that ends in `/` matches a folder with all that is below it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, cast

from onecopy.errors import InvalidSettings

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec, RegexPattern

_NAMED_GROUP = re.compile(r"\(\?P<\w+>")
# Parts of the expressions that pathspec makes of patterns.
_ANY_FOLDERS = "(?:.+/)?"
_FILE_OR_FOLDER = "(?:(?P<ps_d>/)|$)"

TRASH = (
    # Trash of desktops (the FreeDesktop.org Trash specification, macOS, Windows) and of Android.
    ".Trash/",
    ".Trash-*/",
    "**/.local/share/Trash/",
    ".Trashes/",
    "Network Trash Folder/",
    "$RECYCLE.BIN/",
    "$Recycle.Bin/",
    "RECYCLER/",
    "System Volume Information/",
    ".trashed-*",
    # Trash and thumbnails of file servers: Synology, QNAP, Samba (vfs_recycle), Unraid.
    "\\#recycle/",
    "@Recycle/",
    ".recycle/",
    ".Recycle.Bin/",
    "@eaDir/",
    ".@__thumb/",
    # Snapshots: NetApp, Btrfs with snapper, ZFS, CephFS, Gluster, EMC VNX, Samba,
    # Synology, QNAP.
    ".snapshot/",
    "~snapshot/",
    ".snapshots/",
    "**/.zfs/snapshot/",
    ".snap/",
    ".snaps/",
    ".ckpt/",
    "@GMT-*/",
    "\\#snapshot/",
    "@sharesnap/",
    "@Recently-Snapshot/",
    # Repairs of a file system, and what synchronizing programs keep for some weeks.
    "lost+found/",
    ".stversions/",
    ".dropbox.cache/",
    "**/.sync/Archive/",
    "files_trashbin/",
    "files_versions/",
)
"""Folders whose files something else deletes in time: trash, snapshots, versions."""


class Patterns:
    """An ordered list of patterns, or one; the last one that matches decides, and `!` negates.

    Raises InvalidSettings, on the first match or `check`, for a pattern that is invalid or has no
    effect.
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self.lines = (lines,) if isinstance(lines, str) else tuple(lines)  # `*` of "*.tmp" is all

    def match(self, path: str) -> bool:
        """Return whether a file matches, or is in a folder that does; a folder ends in `/`."""
        if not self.lines:
            return False
        # A newline ends no name, but the expressions that patterns become stop at it.
        path = path.replace("\n", "_")
        if self._search("/" + path) is None:  # the common case, kept cheap
            return False
        return self._spec.match_file(path.removeprefix("/"))

    def may_match(self, paths: Sequence[str]) -> bool:
        """Return whether any of these may match; a quick look at all of them at once."""
        text = "/" + "\n/".join(paths)
        has_newlines = text.count("\n") > max(len(paths) - 1, 0)  # which `match` replaces
        return has_newlines or self.may_match_in(text)

    def may_match_in(self, text: str) -> bool:
        """Return whether any path in a text may match: on lines of their own, with / before each.

        Whatever else is on a line is before that.
        """
        return bool(self.lines) and self._search(text) is not None

    def check(self, source: str) -> None:
        """Raise InvalidSettings, which names the source, unless all patterns can be used."""
        try:
            self.match("")
        except InvalidSettings as error:
            raise InvalidSettings(f"{source}: {error}") from error

    @cached_property
    def _spec(self) -> "GitIgnoreSpec":
        # Imported here, because most commands match nothing.
        from pathspec import GitIgnoreSpec

        for line in self.lines:
            _check(line)
        return GitIgnoreSpec.from_lines(self.lines)

    @cached_property
    def _search(self) -> Callable[[str], object]:
        """Searches "/" and a path for the start of any pattern: most paths have none."""
        found = [cast("RegexPattern", each) for each in self._spec.patterns if each.include]
        starts = [_start(str(each.regex.pattern)) for each in found if each.regex] or ["(?!)"]
        return re.compile(f"/(?:{'|'.join(starts)})").search


class Filter(NamedTuple):
    """The files that a command accepts: those that `include` matches, and `exclude` does not."""

    include: Patterns = Patterns()
    """Without any pattern, all files."""
    exclude: Patterns = Patterns()

    @property
    def accepts_all(self) -> bool:
        """Whether there are no patterns."""
        return not self.include.lines and not self.exclude.lines

    def reason(self, path: str) -> str | None:
        """Return why a file or folder is left out, as a message, or None if it is accepted.

        A folder, whose path ends in `/`, is only left out if all that is below it is.
        """
        if self.exclude.match(path):
            return "it matches a pattern of `exclude`"
        if self.include.lines and not path.endswith("/") and not self.include.match(path):
            return "it matches no pattern of `include`"
        return None


def _start(expression: str) -> str:
    """Return an expression for what follows a "/" in "/" and any path that `expression` matches.

    It may match more; that for an expression of unknown form matches anything. A search for all of
    them looks at each "/" once, while the expressions of pathspec look at it once per pattern.
    """
    start = expression.removesuffix(_FILE_OR_FOLDER)
    if not start.startswith("^") or "|" in start:
        return ""
    return _NAMED_GROUP.sub("(?:", start.removeprefix("^").removeprefix(_ANY_FOLDERS))


def _check(line: str) -> None:
    from pathspec import GitIgnoreSpec

    try:
        patterns = list(GitIgnoreSpec.from_lines([line]).patterns)
    except (ValueError, re.error) as error:
        raise InvalidSettings(f"invalid pattern {line!r}: {error}") from error
    if len(patterns) != 1 or patterns[0].include is None or "\n" in line:
        advice = f"write \\{line}" if line.startswith("#") else "correct or remove it"
        raise InvalidSettings(f"the pattern {line!r} matches nothing: {advice}")
