"""A question is asked of somebody: exit code 130 is for an interrupt alone."""

import sys

import click
import pytest
from click.testing import CliRunner

from ledger.cli.screen import require_yes
from ledger.errors import UsageError


@click.command()
def ask() -> None:
    require_yes("Approve?")
    click.echo("approved")


def test_an_input_that_ends_is_nobody_and_names_the_way_out() -> None:
    error = CliRunner().invoke(ask, input="").exception
    assert isinstance(error, UsageError)
    assert (error.exit_code, "--yes" in error.advice) == (2, True)


def test_a_no_is_not_an_interrupt() -> None:
    error = CliRunner().invoke(ask, input="n\n").exception
    assert isinstance(error, UsageError)
    assert "not confirmed" in error.message
    assert "approved" in CliRunner().invoke(ask, input="y\n").stdout


def test_an_interrupt_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr("click.termui.visible_prompt_func", interrupted)
    with pytest.raises(click.Abort):
        require_yes("Approve?")
