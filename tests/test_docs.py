"""The documents agree with the program, and name only what exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from onecopy import settings, settings_file
from onecopy.aws.functions import settings as function_settings
from onecopy.cli.main import COMMANDS, onecopy
from onecopy.cli.options import takes_settings
from onecopy.patterns import TRASH

_ROOT = Path(__file__).parent.parent
_TEXT = (_ROOT / "docs" / "cli.md").read_text("utf-8")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
_PATH = re.compile(r"`((?:src|web|tests|docs|deploy|benchmarks|examples)/[\w./*-]*)`")
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)")
PAGES = [*_ROOT.glob("*.md"), *_ROOT.glob("docs/*.md"), *_ROOT.glob("examples/*.md")]


def commands(
    group: click.Group = onecopy, path: str = "onecopy"
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that is not a group, with its full name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def options(command: click.Command) -> set[str]:
    """Return the long options of a command."""
    return {
        name
        for param in command.params
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
        if name.startswith("--")
    }


def shared() -> set[str]:
    """Return the options that are documented once, in a section of their own."""
    return options(click.command()(takes_settings(server=True, tenant=True)(lambda: None)))


def section(title: str) -> str:
    """Return the text below a heading, up to the next heading of its level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", _TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/cli.md has no section {title!r}"
    return found[1]


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_is_documented(name: str) -> None:
    """Each command has a section that names its options and arguments, and no others."""
    text = section(name)
    own = options(ALL[name]) - shared()
    assert own <= set(_OPTION.findall(text))
    assert set(_OPTION.findall(text)) <= own | shared() | {"--help"}
    for param in ALL[name].params:
        if isinstance(param, click.Argument):
            assert str(param.metavar or param.name).upper() in text.upper()


def test_shared_options_are_documented() -> None:
    """Options that many commands share are documented in one place."""
    assert shared() <= set(_OPTION.findall(section("Settings")))


def test_every_section_is_about_an_existing_command() -> None:
    """A command that is removed from the program is removed from the page."""
    titles = re.findall(r"^## (onecopy .*)$", _TEXT, re.MULTILINE)
    assert set(titles) == set(ALL)
    assert sorted(COMMANDS) == list(COMMANDS)


@pytest.mark.parametrize("name", ALL)
def test_exit_codes_agree(name: str) -> None:
    """The help and the page describe exit codes in the same words, since scripts rely on them."""
    codes = (ALL[name].epilog or "").rpartition("Exit codes: ")[2]
    assert codes
    assert codes.partition(".")[0] in re.sub(r"\s+", " ", section(name).replace("`", "")), codes


def test_settings_of_file_and_environment_are_documented() -> None:
    """Every key and variable that is read is documented."""
    text = section("Settings")
    assert not [key for key in settings_file._FIELDS if f"`{key}`" not in text]
    assert not [name for name in settings._VARIABLES if name not in text]


def test_settings_of_functions_are_documented() -> None:
    """Every variable that the Lambda functions read is documented."""
    text = (_ROOT / "docs" / "lambda.md").read_text("utf-8")
    assert not [name for name in function_settings._VARIABLES if f"`{name}`" not in text]


def test_usual_patterns_of_the_trash_are_documented() -> None:
    """Every name that counts as trash by default is on the page, whatever its case."""
    text = section("Settings").upper()
    names = [each.removeprefix("**/").strip("\\/").upper() for each in TRASH]
    assert not [name for name in names if f"`{name}`" not in text]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_exist(page: Path) -> None:
    """A page links to existing files, and names existing paths of the repository.

    `make docs` checks the links within docs/, with their anchors.
    """
    text = page.read_text("utf-8")
    assert not [link for link in _LINK.findall(text) if not (page.parent / link).exists()]
    assert not [path for path in _PATH.findall(text) if not list(_ROOT.glob(path))]
