"""Options and output that `onecopy check` and `onecopy upload` share."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import click

from onecopy.backends import is_unused
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import bytes_text, json_line, money_text, result_text, result_values
from onecopy.content import Verdict
from onecopy.digest_cache import DigestCache
from onecopy.errors import InvalidKey
from onecopy.files import File, Skipped, walk
from onecopy.key import check_key, normalisation_differs
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter
from onecopy.settings import Settings
from onecopy.text import count_text, printable
from onecopy.upload.result import Outcome, Result

_NOT_NFC = "the name is not in Unicode NFC: another name may look the same"


def takes_files(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument PATH, `--json`, `--no-cache` and `--progress` to a command."""
    options = (
        click.argument("paths", metavar="PATH...", nargs=-1, required=True),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file."),
        click.option(
            "--no-cache",
            is_flag=True,
            help="Read files again even if they have not changed since they were last read.",
        ),
        takes_progress,
    )
    for option in reversed(options):
        command = option(command)
    return command


def digest_cache(
    settings: Settings, *, no_cache: bool
) -> AbstractContextManager[DigestCache | None]:
    """Open the cache of digests, unless the user wants none."""
    return nullcontext() if no_cache else closing(DigestCache(settings.cache))


def settings_for_check(settings: Settings) -> Settings:
    """Return the settings of a check, which creates nothing, also where nothing is stored yet."""
    if not is_unused(settings):
        return settings
    Display().note(
        f"nothing is stored yet: there is neither an index ({settings.index}) nor a store "
        f"({settings.store}); `onecopy upload` creates them"
    )
    return replace(settings, index="memory:", store="memory:")


def display_of_files(
    paths: Iterable[str],
    own: OwnFiles,
    accept: Filter,
    *,
    progress: bool | None,
    any_name: bool = False,
) -> AbstractContextManager[Display]:
    """Return a display whose total is the bytes of all files at and below `paths`."""
    found = walk(paths, own=own, accept=accept, any_name=any_name)
    sizes = (each.size for each in found if isinstance(each, File))
    return display(progress=progress, sizes=sizes)


def files_below(  # noqa: PLR0913 - options by name
    paths: Iterable[str],
    to: str,
    own: OwnFiles,
    accept: Filter,
    output: Display,
    *,
    any_name: bool = False,
) -> Iterator[File | Skipped]:
    """Yield the files at and below `paths`; report misleading names, and with `any_name` others."""
    for found in walk(paths, to=to, own=own, accept=accept, any_name=any_name):
        if isinstance(found, File) and (remark := _remark(found.key)):
            output.note(f"{printable(found.path)}: {remark}")
        yield found


def _remark(key: str) -> str | None:
    try:
        check_key(key)
    except InvalidKey as error:
        return f"it can't be uploaded under its name: {error}"
    return _NOT_NFC if normalisation_differs(key) else None


Done = Literal["new", "uploaded", "to upload"]
"""What the summary calls new files: after a check, an upload, or a dry run."""


@dataclass(slots=True)
class Summary:
    """Counts over the results of all files."""

    new: int = 0
    stored: int = 0
    """Files whose content was already stored."""
    placed: int = 0
    """Files whose content was copied to their names within the store, or would be."""
    uncertain: int = 0
    """New files for which stored copies were not examined."""
    unconfirmed: int = 0
    taken: int = 0
    failed: int = 0
    left_out: int = 0
    """Links, special files, files of onecopy itself and excluded files, found below a path."""
    sent: int = 0
    """Bytes that were sent, or would be."""
    not_sent: int = 0
    """Bytes of files whose content was already stored."""
    placed_bytes: int = 0
    """Bytes that were copied within the store, or would be."""

    def add(self, result: Result) -> None:
        """Count a result."""
        would = result.outcome is Outcome.WOULD_UPLOAD
        self.sent += result.size if would else result.sent
        if result.outcome is Outcome.FAILED:
            self.failed += 1
        elif result.outcome is Outcome.LEFT_OUT:
            self.left_out += 1
        elif result.outcome is Outcome.KEY_TAKEN:
            self.taken += 1
        elif result.outcome in {Outcome.PLACED, Outcome.WOULD_PLACE}:
            self.placed += 1
            self.placed_bytes += result.size
        elif would:
            self.new += 1
            self.uncertain += result.unexamined > 0
        elif result.verdict is Verdict.DUPLICATE:
            self.stored += 1
            self.not_sent += max(0, result.size - result.sent)
        elif result.verdict is Verdict.NEW:
            self.new += 1
            self.uncertain += result.unexamined > 0
        else:
            self.unconfirmed += 1

    def lines(self, price: float, done: Done, store_kind: str) -> list[str]:
        """Return the summary as text, after a line with what to do if something is not certain."""
        advice = [_advice(self.uncertain, store_kind)] if self.uncertain else []
        return [*advice, self.text(price, done)]

    def text(self, price: float, done: Done) -> str:
        """Return the summary as a line of text; `price` in US dollars per GB and month."""
        uncertain = f" ({self.uncertain:,} of them not certain)" if self.uncertain else ""
        counts = [f"{self.new:,} {done}{uncertain}"]
        placed = "placed" if done == "uploaded" else "to place"
        if self.placed:
            counts.append(f"{self.placed:,} {placed}")
        counts.append(f"{self.stored:,} already stored")
        others = (
            (self.unconfirmed, "unconfirmed"),
            (self.taken, "not uploaded because the name is taken"),
            (self.failed, "failed"),
            (self.left_out, "left out"),
        )
        counts += [f"{number:,} {name}" for number, name in others if number]
        saved = money_text(self.not_sent / 1e9 * price)
        sent = {"uploaded": "sent", "to upload": "to send"}.get(done)
        amounts = [f"{bytes_text(self.sent)} {sent}"] if sent else []
        if self.placed:
            amounts.append(f"{bytes_text(self.placed_bytes)} {placed}")
        not_sent = "not sent" if done == "uploaded" else "need no upload"
        amounts.append(f"{bytes_text(self.not_sent)} {not_sent}")
        return f"{', '.join(counts)}; {', '.join(amounts)}; {saved} a month saved"


def _advice(uncertain: int, store_kind: str) -> str:
    files, are = count_text(uncertain, "new file"), "is" if uncertain == 1 else "are"
    read = "`onecopy scan --read missing`, which reads stored files"
    how = f"run {read}, and check again"
    if store_kind != "folder":
        how = f"run `onecopy scan --describe` and check again; if that is not enough, run {read}"
    return (
        f"{files} {are} not certain: stored files of that size were not examined. To be sure, {how}"
    )


def print_results(results: Iterable[Result], output: Display, *, as_json: bool) -> Summary:
    """Print each result as soon as it is known; return the summary."""
    summary = Summary()
    for result in results:
        summary.add(result)
        show = output.line
        if result.outcome is Outcome.LEFT_OUT and not as_json:
            show = output.note
        show(json_line(result_values(result)) if as_json else result_text(result))
    return summary
