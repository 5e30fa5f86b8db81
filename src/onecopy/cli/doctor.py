"""`onecopy doctor`: find problems of index, store or service, and show how to fix them."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing

import click

from onecopy.backends import is_unused, opened_backends, require_index
from onecopy.cli.options import closing_help, takes_settings, whole_number
from onecopy.cli.progress import Display
from onecopy.cli.show import json_line
from onecopy.doctor.finding import Finding, State, failed, fine, wrong
from onecopy.doctor.index import examine_binding, examine_checksums
from onecopy.doctor.policy import policy as least_policy
from onecopy.doctor.service import examine_service
from onecopy.doctor.store import examine_store
from onecopy.errors import Failure, InvalidSettings
from onecopy.gate.pending import abort_stale as abort_stale_in_bucket
from onecopy.index import Engine, open_any
from onecopy.settings import Settings
from onecopy.store import Store, open_store
from onecopy.store.interface import Lister, Sweeper
from onecopy.store.s3.address import Address
from onecopy.text import count_text
from onecopy.urls import check_origin

_DEFAULT_ORIGINS = ("http://127.0.0.1:8000", "http://localhost:8000")
"""Where `onecopy serve` serves its page by default."""
_DAY_SECONDS = 24 * 3600


@click.command(
    "doctor",
    epilog=closing_help(
        "Exit codes: 0 nothing is wrong, 1 something is wrong, 2 error.",
        "onecopy doctor",
        "onecopy doctor --store s3://photos/2026 --origin https://photos.example.org",
        "onecopy doctor --store s3://photos/2026 --policy > policy.json",
        "onecopy doctor --store s3://photos/2026 --fix-cors",
        "onecopy doctor --store s3://photos/2026 --abort-stale",
        "onecopy doctor --server https://files.example.org",
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per finding.")
@click.option(
    "--origin",
    "origins",
    metavar="URL",
    multiple=True,
    default=_DEFAULT_ORIGINS,
    show_default=True,
    help="Web origin of a page that uploads to the bucket, or uses the API of --server; can be "
    "given several times.",
)
@click.option(
    "--fix-cors",
    is_flag=True,
    help="Add a CORS rule to the bucket that lets those pages upload and read.",
)
@click.option("--policy", is_flag=True, help="Print the minimal IAM policy for the bucket.")
@click.option("--abort-stale", is_flag=True, help="Abort old unfinished uploads of onecopy.")
@whole_number(
    "--days",
    0,
    10_000,
    default=8,
    text="With --abort-stale: minimum age of the uploads. They can be resumed for 7 days.",
)
@takes_settings(server=True)
def command(  # noqa: PLR0913 - one for each option
    *,
    settings: Settings,
    as_json: bool,
    origins: tuple[str, ...],
    fix_cors: bool,
    policy: bool,
    abort_stale: bool,
    days: int,
) -> int:
    """Find problems of index, store or service, and how to fix them.

    Two small objects remain in a bucket, below .onecopy/: one identifies the store, the other
    serves to probe its capabilities.
    """
    if policy:
        return _print_policy(settings)
    if abort_stale:
        return _abort_stale(settings, days, as_json=as_json)
    for origin in origins:
        check_origin(origin)
    return _print(_findings(settings, origins, fix_cors=fix_cors), as_json=as_json)


def _findings(settings: Settings, origins: tuple[str, ...], *, fix_cors: bool) -> Iterator[Finding]:
    if settings.server is not None:
        named = () if origins == _DEFAULT_ORIGINS else origins
        yield from examine_service(
            settings.server, settings.token, allow_http=settings.allow_http, origins=named
        )
        return
    if is_unused(settings):
        yield fine("index", f"there is none yet; `onecopy upload` creates {settings.index}")
        yield fine("store", f"there is none yet; `onecopy upload` creates {settings.store}")
        return
    with ExitStack() as stack:
        about = "index"
        try:
            missing = _missing_index(settings)
            index = None if missing else stack.enter_context(closing(open_any(settings.index)))
            about = "store"
            store = open_store(settings.store)
        except Failure as error:
            yield failed(about, error)
            return
        stack.callback(store.close)
        if index is not None and not isinstance(index, Engine):
            yield from examine_checksums(index, settings.index)
            if not store.is_vacant():  # it answers checks without a store
                yield from _store(store, origins, create=True, fix_cors=fix_cors)
            return
        yield missing or fine("index", f"{settings.index} can be read and written")
        create = index is None or index.get("store") is None
        yield from _store(store, origins, create=create, fix_cors=fix_cors)
        if index is not None:
            yield from examine_binding(index, store)


def _missing_index(settings: Settings) -> Finding | None:
    """Return a finding if there is no index, or None."""
    try:
        require_index(settings.index)
    except InvalidSettings as error:
        if settings.index == Settings().index:
            return fine("index", "there is none yet; `onecopy upload` and `onecopy scan` create it")
        return wrong("index", str(error))
    return None


def _store(
    store: Store, origins: tuple[str, ...], *, create: bool, fix_cors: bool
) -> Iterator[Finding]:
    if store.kind != "s3":
        if fix_cors:
            raise InvalidSettings(
                "--fix-cors is for buckets: pages upload to a folder through the service"
            )
        yield from examine_store(store, unmarked=create)
        return
    from onecopy.doctor.bucket import examine_bucket
    from onecopy.store.s3.store import S3Store

    assert isinstance(store, S3Store)  # noqa: S101 - as its kind says
    yield from examine_bucket(store, origins, create=create, fix_cors=fix_cors)


def _print(findings: Iterator[Finding], *, as_json: bool) -> int:
    """Print each finding as soon as it is known; return the exit code."""
    output = Display()
    counts = dict.fromkeys(State, 0)
    for finding in findings:
        counts[finding.state] += 1
        for line in [json_line(finding._asdict())] if as_json else _lines(finding):
            output.line(line)
    output.note(
        f"{counts[State.FINE]:,} fine, {counts[State.ADVICE]:,} could be better, "
        f"{counts[State.WRONG]:,} to fix"
    )
    return 1 if counts[State.WRONG] else 0


def _lines(finding: Finding) -> list[str]:
    line = f"{finding.state:<6}  {finding.about}: {finding.message}"
    fix = (finding.fix or "").splitlines()
    return [line, *(f"        {each}" for each in fix)]


def _print_policy(settings: Settings) -> int:
    if settings.store.partition(":")[0] != "s3":
        raise InvalidSettings(
            f"--policy is for buckets, not for {settings.store}: name one, as --store s3://photos"
        )
    output = Display()
    for line in json.dumps(least_policy(Address.parse(settings.store)), indent=2).splitlines():
        output.line(line)
    output.note("the statement OnecopyDoctor is optional: only `onecopy doctor` needs it")
    return 0


def _abort_stale(settings: Settings, days: int, *, as_json: bool) -> int:
    others = 0
    with opened_backends(settings, create=False) as (index, store):
        if isinstance(store, Sweeper):
            ours = store.abort_stale(days * _DAY_SECONDS)
        elif isinstance(store, Lister):
            ours, others = abort_stale_in_bucket(store, index, days * _DAY_SECONDS)
        else:
            raise InvalidSettings(
                "--abort-stale is for folders and buckets: this store keeps no unfinished uploads"
            )
    output = Display()
    if as_json:
        output.line(json_line({"given_up": ours, "others": others}))
    kept = f"; left {others:,} of other programs alone" if others else ""
    output.note(f"aborted {count_text(ours, 'unfinished upload')}{kept}")
    return 0
