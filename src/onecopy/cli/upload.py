"""`onecopy upload`: upload the files that are not already stored."""

import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing

import click

from onecopy.backends import opened_gate, own_files
from onecopy.cli.files import (
    Done,
    digest_cache,
    display_of_files,
    files_below,
    print_results,
    settings_for_check,
    takes_files,
)
from onecopy.cli.garbage import collecting_rarely
from onecopy.cli.options import closing_help, takes_settings
from onecopy.content import Verdict
from onecopy.errors import InvalidSettings
from onecopy.files import File, Skipped
from onecopy.gate.interface import Gate
from onecopy.key import check_prefix
from onecopy.settings import Settings
from onecopy.upload.checking import check
from onecopy.upload.options import OnTaken, OnUnconfirmed, Options
from onecopy.upload.pipeline import upload
from onecopy.upload.result import Outcome, Result
from onecopy.upload.unfinished import Unfinished

_OBJECTS_PER_COLLECTION = 20_000
"""New objects after which Python looks for cycles. Only responses have some, with their headers."""
_LISTED = "listed"
"""The reason of a content that only a checksum list has: there is no copy to place."""
_SHOWN_BY = {"upload": "upload", "read": "link"}
"""For each scope that placing needs, a feature that a service shows only to tokens with it."""


def _read_metadata(
    _ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Parse NAME=VALUE; the gate checks the names and values."""
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE, as camera=X100")
        if name in pairs:
            raise click.BadParameter(f"the name {name!r} is given twice; give each name once")
        pairs[name] = value
    return tuple(pairs.items())


@click.command(
    "upload",
    epilog=closing_help(
        "Exit codes: 0 every file was uploaded, placed or is already stored, 1 something is "
        "unconfirmed or its name is taken, 2 error. With --dry-run, as `onecopy check`.",
        "onecopy upload ~/Photos",
        "onecopy upload --to 2026 --on-taken rename ~/Photos",
        "onecopy upload --server https://files.example.org disk.img",
        "onecopy upload --place ~/Photos",
        "onecopy upload --dry-run ~/Photos",
        "onecopy upload --metadata camera=X100 --metadata place=Rome ~/Photos",
    ),
)
@takes_files
@click.option("--to", metavar="PREFIX", default="", help="Folder in the store to upload to.")
@click.option(
    "--anyway", is_flag=True, help="Also upload files that are already stored or unconfirmed."
)
@click.option(
    "--place",
    is_flag=True,
    help="Store files whose content is already stored under their own names as well: the store "
    "copies it, and nothing is sent.",
)
@click.option(
    "--on-taken",
    type=click.Choice(["fail", "rename"]),
    default="fail",
    show_default=True,
    help="What to do if another file has the name; stored files are never overwritten.",
)
@click.option(
    "--on-unconfirmed",
    type=click.Choice(["skip", "send"]),
    default="skip",
    show_default=True,
    help="What to do if a copy may be stored, and confirming that takes longer than sending.",
)
@click.option(
    "--metadata",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_read_metadata,
    help="User metadata of the objects, in a bucket; can be given several times.",
)
@click.option("--dry-run", is_flag=True, help="Check only; upload nothing.")
@takes_settings(server=True, tenant=True, patterns=True)
def command(  # noqa: PLR0913 - one for each option
    *,
    settings: Settings,
    paths: tuple[str, ...],
    as_json: bool,
    progress: bool | None,
    to: str,
    anyway: bool,
    place: bool,
    on_taken: OnTaken,
    on_unconfirmed: OnUnconfirmed,
    metadata: tuple[tuple[str, str], ...],
    no_cache: bool,
    dry_run: bool,
) -> int:
    """Upload the files at and below PATH that are not already stored.

    Files in a folder keep its name: `upload photos` creates photos/rome.jpg. To resume interrupted
    uploads of large files, run the same command again.
    """
    check_prefix(to)
    if place and anyway:
        raise click.UsageError("choose --place or --anyway: one copies what the other sends")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that small uploads are aborted
    used = settings_for_check(settings) if dry_run else settings
    with opened_gate(used, create=not dry_run) as gate, ExitStack() as stack:
        stack.enter_context(collecting_rarely(_OBJECTS_PER_COLLECTION))
        if place:
            _require_placing(gate, used.server)
        own, accept = own_files(settings, gate, for_check=dry_run), settings.filter
        output = stack.enter_context(display_of_files(paths, own, accept, progress=progress))
        keys = dict[str, str]()
        found = files_below(paths, to, own, accept, output)
        if place and dry_run:
            found = _noting(found, keys)
        report = output.callback
        cache = stack.enter_context(digest_cache(settings, no_cache=no_cache))
        options = Options(
            anyway=anyway,
            place=place,
            on_taken=on_taken,
            on_unconfirmed=on_unconfirmed,
            metadata=metadata,
            unfinished=Unfinished(settings.cache / "uploads", settings.target),
            cache=cache,
            target=settings.target,
            progress=report,
            confirming=output.confirming,
            waiting=output.waiting,
        )
        work = (
            check(found, gate, progress=report, confirming=output.confirming, cache=cache)
            if dry_run
            else upload(found, gate, options)
        )
        with closing(work):
            results = _planned(work, keys, anyway=anyway, place=place) if dry_run else work
            summary = print_results(results, output, as_json=as_json)
        config = gate.config()
        done: Done = "to upload" if dry_run else "uploaded"
        for line in summary.lines(config.price, done, config.store_kind):
            output.note(line)
    if summary.failed:
        return 2
    if dry_run:
        return 1 if summary.stored or summary.placed or summary.unconfirmed else 0
    return 1 if summary.unconfirmed or summary.taken else 0


def _require_placing(gate: Gate, server: str | None) -> None:
    """Raise InvalidSettings unless stored objects can be copied, as far as is known."""
    features = gate.config().features
    if "place" in features:
        return
    if server is None:
        raise InvalidSettings(
            "this store can't copy objects without the risk of overwriting others: leave out "
            "--place; `onecopy doctor` shows the details"
        )
    missing = [
        f"the scope `{scope}`" for scope, feature in _SHOWN_BY.items() if feature not in features
    ]
    if missing:
        raise InvalidSettings(
            f"your token lacks {' and '.join(missing)}, which --place needs: use another token, or "
            "leave out --place"
        )
    raise InvalidSettings(
        f"the store of {server} can't copy objects without the risk of overwriting others: leave "
        "out --place"
    )


def _noting(found: Iterable[File | Skipped], keys: dict[str, str]) -> Iterator[File | Skipped]:
    """Yield the files, and note the names under which they would be stored."""
    for each in found:
        if isinstance(each, File):
            keys[each.path] = each.key
        yield each


def _planned(
    results: Iterable[Result], keys: Mapping[str, str], *, anyway: bool, place: bool
) -> Iterator[Result]:
    """Yield the results of a check with the outcomes that an upload would have.

    `keys` has the names of the files, by path, if they would be placed.
    """
    for result in results:
        key = keys.get(result.path, result.key)
        is_elsewhere = result.same_as is not None or key != result.key
        if result.outcome is not None:
            yield result
        elif anyway or result.verdict is Verdict.NEW or (place and result.reason == _LISTED):
            yield result._replace(outcome=Outcome.WOULD_UPLOAD)
        elif place and result.verdict is Verdict.DUPLICATE and is_elsewhere:
            yield result._replace(outcome=Outcome.WOULD_PLACE, key=key)
        else:
            yield result._replace(outcome=Outcome.SKIPPED)
