"""Checksum lists: contents of which only a list says that they are stored."""

from collections.abc import Sequence

from onecopy.content import Content, Evidence, Listed, Verdict
from onecopy.gate.interface import NEW, Answer
from onecopy.gate.matching import by_content, is_trusted
from onecopy.index.interface import Engine, Lists
from onecopy.tenant import Tenant

LISTED = "listed"
"""The reason if a checksum list has the content and no copy is known."""


class ChecksumLists:
    """The checksum lists of one tenant, if the index keeps any."""

    def __init__(self, index: Engine, tenant: Tenant) -> None:
        self._lists = index if isinstance(index, Lists) else None
        self._tenant = tenant

    def look_up(self, contents: Sequence[Content], answers: list[Answer]) -> None:
        """Replace the answers for new contents that are on a list."""
        unmatched = [at for at, answer in enumerate(answers) if answer.verdict is Verdict.NEW]
        digests = [digest for at in unmatched for digest in contents[at].digests]
        if not digests or self._lists is None:
            return
        found = self._lists.listed(self._tenant.name, digests)
        if not any(found):
            return
        groups = by_content([contents[at] for at in unmatched], found)
        for at, group in zip(unmatched, groups, strict=True):
            listed = self._judge(contents[at].size, group)
            answers[at] = answers[at] if listed is NEW else listed

    def _judge(self, size: int, found: Sequence[Listed | None]) -> Answer:
        """Leave the decision to the user if the list is not trusted: it names no copy to see."""
        fitting = [listed for listed in found if listed and listed.size in (None, size)]
        if any(self._is_trusted(listed) for listed in fitting):
            return Answer(Verdict.DUPLICATE, reason=LISTED)
        return Answer(Verdict.UNCONFIRMED, reason=LISTED) if fitting else NEW

    def _is_trusted(self, listed: Listed) -> bool:
        return is_trusted(listed.digest, Evidence.CLAIMED, self._tenant.trust)
