"""docs/cli.md and the commands say the same."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from onecopy import settings
from onecopy.cli.main import COMMANDS, onecopy
from onecopy.cli.options import takes_settings

_TEXT = (Path(__file__).parent.parent / "docs" / "cli.md").read_text("utf-8")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def commands(
    group: click.Group = onecopy, path: str = "onecopy"
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with its whole name."""
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
    """Return the options that stand once, in a section of their own."""
    return options(click.command()(takes_settings(server=True, tenant=True)(lambda: None)))


def section(title: str) -> str:
    """Return the text below a heading, up to the next one of its level."""
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
    """Those that many commands take stand once."""
    assert shared() <= set(_OPTION.findall(section("Settings")))


def test_no_section_is_of_a_command_that_is_not_there() -> None:
    """What was removed from the program is removed from the page."""
    titles = re.findall(r"^## (onecopy .*)$", _TEXT, re.MULTILINE)
    assert set(titles) == set(ALL)
    assert sorted(COMMANDS) == list(COMMANDS)


@pytest.mark.parametrize("name", ALL)
def test_exit_codes_stand_in_help_and_page(name: str) -> None:
    """Scripts rely on them: both say the same, word for word."""
    codes = (ALL[name].epilog or "").rpartition("Exit codes: ")[2]
    assert codes
    assert codes.partition(".")[0] in re.sub(r"\s+", " ", section(name).replace("`", "")), codes


def test_settings_of_file_and_environment_are_documented() -> None:
    """Every key and variable that is read is named."""
    text = section("Settings")
    assert not [key for key in settings._FILE_KEYS if f"`{key}`" not in text]
    assert not [name for name in settings._VARIABLES if name not in text]


def test_what_functions_on_lambda_are_told_is_documented() -> None:
    """Every variable that is read is named."""
    text = (Path(__file__).parent.parent / "docs" / "lambda.md").read_text("utf-8")
    assert not [name for name in settings._LAMBDA_VARIABLES if f"`{name}`" not in text]
