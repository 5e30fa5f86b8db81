"""`onecopy deploy`: the whole service in an account of AWS, by one command."""

from typing import TYPE_CHECKING, Any

import click

from onecopy.aws.deploy.choices import ARCHITECTURES, PYTHONS, Choices
from onecopy.cli.options import closing_help
from onecopy.cli.progress import Display
from onecopy.cli.show import json_line
from onecopy.errors import InvalidSettings
from onecopy.store.s3.address import Address

if TYPE_CHECKING:
    from onecopy.aws.deploy.deployment import Deployed, Deployment, Left


@click.command(
    "deploy",
    epilog=closing_help(
        "Exit codes: 0 it is deployed, or removed, 2 error.",
        "onecopy deploy --plan --files-per-month 100000 --records 10000000",
        "onecopy deploy",
        "onecopy deploy --store s3://photos/2026 --trust default=md5",
        "onecopy deploy --domain up.example.org --certificate arn:aws:acm:us-east-1:…",
        "onecopy deploy --remove",
    ),
)
@click.option(
    "--name", default="onecopy", show_default=True, help="Of the stack, and of all in it."
)
@click.option("--store", metavar="URL", help="Bucket that is there already, as s3://bucket/prefix.")
@click.option("--domain", metavar="NAME", help="The page's own domain.")
@click.option("--certificate", metavar="ARN", help="Certificate for the domain, in us-east-1.")
@click.option(
    "--price-class",
    type=click.Choice(["100", "200", "All"]),
    help="From where CloudFront serves the page.  [default: 100]",
)
@click.option(
    "--page-origin",
    "page_origins",
    metavar="URL",
    multiple=True,
    help="Web origin of another page that sends to the bucket; can be given several times.",
)
@click.option(
    "--trust",
    metavar="TENANT=EVIDENCE",
    multiple=True,
    help="What a tenant trusts without proof: default=md5; can be given several times.",
)
@click.option(
    "--checksum-api",
    "checksum_origin",
    metavar="ORIGIN",
    help='Also answer POST / with {"content": "<md5 hex>"} for pages of this web origin.',
)
@click.option("--checksum-tenant", metavar="NAME", help="Whose contents --checksum-api counts.")
@click.option(
    "--checksum-table", metavar="NAME", help="DynamoDB table of MD5s that it counts instead."
)
@click.option("--checksum-key", metavar="NAME", help="That table's key.  [default: content]")
@click.option("--issuer", metavar="URL", help="OpenID Connect issuer whose tokens let people in.")
@click.option("--audience", metavar="ID", help="Audience that these tokens must name.")
@click.option("--client-id", metavar="ID", help="The page's client there.  [default: the audience]")
@click.option(
    "--sign-in-scopes",
    metavar="TEXT",
    help="What the page asks the issuer for, separated by spaces.  [default: openid]",
)
@click.option(
    "--issuer-origin",
    "issuer_origins",
    metavar="URL",
    multiple=True,
    help="Web origin at which the issuer gives tokens, if it is another one; several times if need "
    "be.",
)
@click.option(
    "--jwt-tenant",
    metavar="NAME",
    help="Tenant of those who sign in, or claim:NAME for the claim that says it.  "
    "[default: claim:tenant]",
)
@click.option("--jwt-scopes", metavar="NAME", help="Claim that lists their scopes.")
@click.option("--alarm-email", metavar="ADDRESS", help="Who is told of alarms.")
@click.option(
    "--architecture",
    type=click.Choice(list(ARCHITECTURES)),
    help="What the functions run on.  [default: arm64]",
)
@click.option(
    "--python",
    type=click.Choice(PYTHONS),
    help="Python of the functions.  [default: 3.13]",
)
@click.option("--plan", is_flag=True, help="Only tell what would be made, and what it costs.")
@click.option(
    "--files-per-month",
    metavar="N",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="With --plan: files that are checked in a month.",
)
@click.option(
    "--records",
    metavar="N",
    type=click.IntRange(min=0),
    default=100_000,
    show_default=True,
    help="With --plan: files in the index.",
)
@click.option("--remove", is_flag=True, help="Remove it; objects stay, and so does the index.")
@click.option("--with-index", is_flag=True, help="With --remove: the index, too.")
@click.option("--rotate-secret", is_flag=True, help="Only let a new secret sign tickets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(  # noqa: PLR0913 - one for each option
    *,
    plan: bool,
    files_per_month: int,
    records: int,
    remove: bool,
    with_index: bool,
    rotate_secret: bool,
    as_json: bool,
    **chosen: Any,  # noqa: ANN401 - click's
) -> int:
    """Deploy page, API, index and bucket to AWS, or bring them up to date.

    Account and region are those of AWS_PROFILE, AWS_REGION and the like. What is not given stays as
    it was. Interrupted, the same command goes on.
    """
    if with_index and not remove:
        raise click.UsageError("--with-index goes with --remove")
    if plan + remove + rotate_secret > 1:
        raise click.UsageError("one of --plan, --remove and --rotate-secret at a time")
    shown, choices = Display(), _choices(chosen)
    if plan:
        _tell_plan(shown, choices, files_per_month, records, as_json=as_json)
        return 0
    deployment = _deployment(choices, shown)
    if rotate_secret:
        deployment.rotate_secret()
        shown.note("a new secret signs tickets; the one before is taken until the next time")
    elif remove:
        _tell_left(shown, deployment.remove(index=with_index), as_json=as_json)
    else:
        _tell_deployed(shown, deployment.deploy(), as_json=as_json)
    return 0


def _choices(chosen: dict[str, Any]) -> Choices:
    # None was given: that is no wish for none.
    given = {name: value for name, value in chosen.items() if value != ()}
    if given["store"] is not None:
        given["store"] = Address.parse(given["store"])
    return Choices(**given)


def _deployment(choices: Choices, shown: Display) -> "Deployment":
    try:
        from onecopy.aws.deploy.account import Account
        from onecopy.aws.deploy.deployment import Deployment
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"deploying needs {error.name}, which is not installed: pip install 'onecopy[aws]'"
        ) from error
    return Deployment(Account(), choices, shown.note)


def _tell_deployed(shown: Display, deployed: "Deployed", *, as_json: bool) -> None:
    if as_json:
        shown.line(json_line(deployed._asdict()))
        return
    if not deployed.is_changed:
        shown.note("nothing has changed")
    if deployed.dns:
        shown.note("the DNS of {} has to name {}".format(*deployed.dns))
    if deployed.token:
        shown.note(f"the page asks for a token. This one is shown this once:\n{deployed.token}")
        shown.note(f"others: onecopy token create --index '{deployed.index_url}'")
    shown.line(deployed.url)


def _tell_left(shown: Display, left: "Left", *, as_json: bool) -> None:
    if as_json:
        shown.line(json_line(left._asdict()))
        return
    shown.note("removed")
    if left.bucket:
        shown.note(f"the bucket {left.bucket} and all its objects are as they were")
    if left.table:
        shown.note(f"the index {left.table} is kept; --remove --with-index deletes it")


def _tell_plan(
    shown: Display, choices: Choices, files: int, records: int, *, as_json: bool
) -> None:
    from onecopy.aws.deploy.plan import plan
    from onecopy.aws.deploy.price import CHECK, monthly, total

    made, lines = plan(choices), monthly(files, records)
    if as_json:
        prices = [line._asdict() | {"dollars": line.dollars} for line in lines]
        shown.line(json_line({"resources": made, "prices": prices, "dollars": total(lines)}))
        return
    for name, kind in made.items():
        shown.line(f"{name:<24}{kind}")
    shown.line("")
    for line in lines:
        shown.line(f"${line.dollars:>10,.4f}  {line.what}: {line.derived}")
    shown.line(f"${total(lines):>10,.4f}  a month, at the list prices of us-east-1 (docs/aws.md)")
    if_there = total(monthly(files, records, CHECK))
    shown.line(f"${if_there:>10,.4f}  a month if all of them are there already")
