"""`fedledger completion`: a shell completes commands and options."""

import click

VARIABLE = "_FEDLEDGER_COMPLETE"
"""Set by a shell that asks what may come next."""


@click.command(short_help="Print a script for bash, zsh or fish.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script with which SHELL completes the commands and options of fedledger.

    \b
    Once, then open a new shell:
        bash  echo 'source <(fedledger completion bash)' >> ~/.bashrc
        zsh   echo 'source <(fedledger completion zsh)' >> ~/.zshrc     # after compinit
        fish  fedledger completion fish > ~/.config/fish/completions/fedledger.fish

    \b
    Example:  fedledger completion bash
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(kind(click.get_current_context().find_root().command, {}, "fedledger", VARIABLE).source())
