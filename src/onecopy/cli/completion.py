"""`onecopy completion`: shell completion of commands and options."""

import click
from click.shell_completion import get_completion_class

from onecopy.cli.options import closing_help
from onecopy.cli.progress import Display


@click.command(
    "completion",
    epilog=closing_help(
        "Exit codes: 0 done, 2 error.",
        "onecopy completion bash > ~/.local/share/bash-completion/completions/onecopy",
        "onecopy completion fish > ~/.config/fish/completions/onecopy.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print a script that adds completion to SHELL.

    Save it where the shell looks for completions, as in the examples.
    """
    script = get_completion_class(shell)
    if script is None:
        raise click.BadParameter(f"completion for {shell} is not supported")
    root, output = ctx.find_root().command, Display()
    for line in script(root, {}, "onecopy", "_ONECOPY_COMPLETE").source().splitlines():
        output.line(line)
    return 0
