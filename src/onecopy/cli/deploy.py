"""`onecopy deploy`: deploy the service to an AWS account."""

import sys
from typing import TYPE_CHECKING, Any

import click

from onecopy.aws.deploy.choices import ARCHITECTURES, Choices
from onecopy.aws.deploy.runtimes import RUNTIMES, creatable, today
from onecopy.cli.options import closing_help, whole_number
from onecopy.cli.progress import Display
from onecopy.cli.show import json_line
from onecopy.errors import InvalidSettings
from onecopy.store.s3.address import Address

if TYPE_CHECKING:
    from onecopy.aws.deploy.deployment import Deployed, Deployment, Remaining


@click.command(
    "deploy",
    epilog=closing_help(
        "Exit codes: 0 deployed or removed, 2 error.",
        "onecopy deploy --plan --files-per-month 100000 --records 10000000",
        "onecopy deploy",
        "onecopy deploy --store s3://photos/2026 --trust default=md5",
        "onecopy deploy --domain up.example.org --certificate arn:aws:acm:us-east-1:…",
        "onecopy deploy --remove --yes",
    ),
)
@click.option(
    "--name",
    metavar="NAME",
    default="onecopy",
    show_default=True,
    help="Name of the stack, and prefix of all names in it.",
)
@click.option("--store", metavar="URL", help="Existing bucket to use, as s3://bucket/prefix.")
@click.option("--domain", metavar="NAME", help="Domain of the page.")
@click.option("--certificate", metavar="ARN", help="Certificate for the domain, in us-east-1.")
@click.option(
    "--price-class",
    type=click.Choice(["100", "200", "All"]),
    help="Price class of CloudFront, which serves the page.  [default: 100]",
)
@click.option(
    "--page-origin",
    "page_origins",
    metavar="URL",
    multiple=True,
    help="Web origin of another page that may use the API and upload to the bucket; can be given "
    "several times.",
)
@click.option(
    "--trust",
    metavar="TENANT=EVIDENCE",
    multiple=True,
    help="Evidence that a tenant trusts without proof, as default=md5; can be given several times.",
)
@click.option(
    "--trash",
    metavar="PATTERN",
    multiple=True,
    help="Pattern of keys in trash and snapshots, whose copies make no duplicate, as in "
    ".gitignore; can be given several times.",
)
@click.option(
    "--checksum-api",
    "checksum_origin",
    metavar="ORIGIN",
    help='Also answer POST / with {"content": "<md5 hex>"} for pages of this web origin.',
)
@click.option(
    "--checksum-tenant", metavar="NAME", help="Tenant whose contents --checksum-api searches."
)
@click.option("--checksum-table", metavar="NAME", help="DynamoDB table of MD5s to search instead.")
@click.option(
    "--checksum-key", metavar="NAME", help="Partition key of that table.  [default: content]"
)
@click.option("--issuer", metavar="URL", help="OpenID Connect issuer for signing in.")
@click.option("--audience", metavar="ID", help="Audience that the issuer's tokens must name.")
@click.option("--client-id", metavar="ID", help="Client ID of the page.  [default: the audience]")
@click.option(
    "--sign-in-scopes",
    metavar="TEXT",
    help="Scopes that the page requests, separated by spaces.  [default: openid]",
)
@click.option(
    "--issuer-origin",
    "issuer_origins",
    metavar="URL",
    multiple=True,
    help="Another web origin at which the issuer issues tokens; can be given several times.",
)
@click.option(
    "--jwt-tenant",
    metavar="NAME",
    help="Tenant of users who sign in, or claim:NAME for the claim with the tenant.  "
    "[default: claim:tenant]",
)
@click.option("--jwt-scopes", metavar="NAME", help="Claim with the scopes of a user.")
@click.option(
    "--confirm-large",
    type=click.Choice(["yes", "no"]),
    help="Whether a function reads stored copies that are too large to be read within a request, "
    "to confirm a match.  [default: yes]",
)
@click.option(
    "--confirm-rate",
    metavar="BYTES",
    help="Most bytes per second that it reads, such as 20MB.  [default: unlimited]",
)
@click.option(
    "--confirm-tenant-rate", metavar="BYTES", help="Most bytes per second for one tenant."
)
@click.option(
    "--confirm-daily",
    metavar="BYTES",
    help="Most bytes per day (UTC) that it reads, such as 500GB.  [default: unlimited]",
)
@click.option("--confirm-tenant-daily", metavar="BYTES", help="Most bytes per day for one tenant.")
@click.option(
    "--confirm-retrieval",
    type=click.Choice(["yes", "no"]),
    help="Whether it also reads copies in storage classes that charge for that.  [default: no]",
)
@click.option("--alarm-email", metavar="ADDRESS", help="Email address that receives alarms.")
@click.option(
    "--architecture",
    type=click.Choice(list(ARCHITECTURES)),
    help="Processor of the functions.  [default: arm64]",
)
@click.option(
    "--python",
    type=click.Choice(list(RUNTIMES)),
    metavar=f"[{'|'.join(creatable(today()))}]",
    help="Python version of the functions.  [default: 3.13]",
)
@click.option("--plan", is_flag=True, help="Only show what would be created, and what it costs.")
@whole_number(
    "--files-per-month", 0, None, default=10_000, text="With --plan: files checked in a month."
)
@whole_number("--records", 0, None, default=100_000, text="With --plan: files in the index.")
@click.option(
    "--remove", is_flag=True, help="Remove the deployment; the index and all stored files stay."
)
@click.option("--yes", is_flag=True, help="With --remove: do not ask.")
@click.option("--with-index", is_flag=True, help="With --remove: also delete the index.")
@click.option("--rotate-secret", is_flag=True, help="Only replace the secret that signs tickets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(  # noqa: PLR0913 - one for each option
    *,
    plan: bool,
    files_per_month: int,
    records: int,
    remove: bool,
    yes: bool,
    with_index: bool,
    rotate_secret: bool,
    as_json: bool,
    **chosen: Any,  # noqa: ANN401 - click's
) -> int:
    """Deploy page, API, index and bucket to AWS, or update them.

    AWS_PROFILE, AWS_REGION and the other usual variables select account and region. Options that
    are not given keep their earlier values. To resume an interrupted deployment, run the same
    command again.
    """
    for name, given in (("--with-index", with_index), ("--yes", yes)):
        if given and not remove:
            raise click.UsageError(f"{name} needs --remove")
    if plan + remove + rotate_secret > 1:
        raise click.UsageError("give only one of --plan, --remove and --rotate-secret")
    output, choices = Display(), _choices(chosen)
    if plan:
        _print_plan(output, choices, files_per_month, records, as_json=as_json)
        return 0
    deployment = _deployment(choices, output)
    if rotate_secret:
        deployment.rotate_secret()
        output.note(
            "a new secret signs tickets; the previous one is accepted until the next rotation"
        )
    elif remove:
        deployment.require_exists(index=with_index)
        if not yes:
            _ask_to_remove(choices.name, index=with_index)
        _print_remaining(output, deployment.remove(index=with_index), as_json=as_json)
    else:
        _print_deployed(output, deployment.deploy(), as_json=as_json)
    return 0


def _choices(chosen: dict[str, Any]) -> Choices:
    # An option that was not given is an empty tuple, which must not clear the earlier values.
    given = {name: value for name, value in chosen.items() if value != ()}
    if given["store"] is not None:
        given["store"] = Address.parse(given["store"])
    return Choices(**given)


def _deployment(choices: Choices, output: Display) -> "Deployment":
    try:
        from onecopy.aws.deploy.account import Account
        from onecopy.aws.deploy.deployment import Deployment
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"deploying needs {error.name}, which is not installed: pip install 'onecopy[aws]'"
        ) from error
    return Deployment(Account(), choices, output.note)


def _ask_to_remove(name: str, *, index: bool) -> None:
    """Ask before removing; raises InvalidSettings without a terminal, or if the answer is no."""
    if not sys.stdin.isatty():
        raise InvalidSettings(
            f"removing {name} needs --yes: there is no terminal to ask; nothing was removed"
        )
    rest = "the objects stay" if index else "the objects and the index stay"
    what = "its page, functions and index" if index else "its page and functions"
    if not click.confirm(f"Remove {name} with {what} from AWS? ({rest})", err=True):
        raise InvalidSettings("the answer was no: nothing was removed")


def _print_deployed(output: Display, deployed: "Deployed", *, as_json: bool) -> None:
    if as_json:
        output.line(json_line(deployed._asdict()))
        return
    if not deployed.is_changed:
        output.note("nothing has changed")
    if deployed.dns:
        output.note("add a DNS record that points {} to {}".format(*deployed.dns))
    if deployed.token:
        output.note(f"the page asks for a token; this one is shown only once:\n{deployed.token}")
        output.note(f"to create more: onecopy token create --index '{deployed.index_url}'")
    output.line(deployed.url)


def _print_remaining(output: Display, remaining: "Remaining", *, as_json: bool) -> None:
    if as_json:
        output.line(json_line(remaining._asdict()))
        return
    output.note("removed")
    if remaining.bucket:
        output.note(f"the bucket {remaining.bucket} and its objects were not changed")
    if remaining.table:
        output.note(f"the index {remaining.table} was kept; --remove --with-index deletes it")


def _print_plan(
    output: Display, choices: Choices, files: int, records: int, *, as_json: bool
) -> None:
    from onecopy.aws.deploy.plan import plan
    from onecopy.aws.deploy.price import CHECK, confirming, monthly, total

    confirms = choices.confirm_large != "no"
    resources, lines = plan(choices), monthly(files, records, confirms=confirms)
    if as_json:
        prices = [line._asdict() | {"dollars": line.dollars} for line in lines]
        document = {"resources": resources, "prices": prices, "dollars": total(lines)}
        document |= {"dollars_per_tb_read": confirming()} if confirms else {}
        output.line(json_line(document))
        return
    for name, kind in resources.items():
        output.line(f"{name:<24}{kind}")
    output.line("")
    for line in lines:
        output.line(f"${line.dollars:>10,.4f}  {line.what}: {line.derived}")
    output.line(f"${total(lines):>10,.4f}  a month, at the list prices of us-east-1 (docs/aws.md)")
    if_stored = total(monthly(files, records, CHECK, confirms=confirms))
    output.line(f"${if_stored:>10,.4f}  a month if all of them are already stored")
    if confirms:
        output.line(f"${confirming():>10,.4f}  for each TB that is read to confirm large copies")
