"""`release propose`, `revoke` and `rollback`: what becomes of a model, put to the vote."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.decisions.submit import SubmitOptions, submit_options, submit_over
from ledger.cli.options import job_option
from ledger.cli.releases.title import release_argument

if TYPE_CHECKING:
    from ledger.events.actions import ReleaseModel
    from ledger.history.state import JobState
    from ledger.party.connection import Connection
    from ledger.releases.report import Evaluation

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Propose to release a model.")
@click.argument("model")
@release_argument(exact=True)
@job_option
@click.option("--report", "report_file", type=FILE, help="The parties' evaluation: fedledger node evaluate --report.")
@click.option("--license", "license_", help="With --report: what the model may be used under, such as cc-by-4.0.")
@click.option("--scores", is_flag=True, help="Release it with the contribution scores of its round.")
@click.option(
    "--audit/--no-audit", default=True, help="Recompute the model's round first; propose it only if it is right."
)
@submit_options
def propose(
    options: SubmitOptions,
    model: str,
    release: str,
    job: int | None,
    report_file: Path | None,
    license_: str | None,
    scores: bool,
    audit: bool,
) -> None:
    """Propose to release MODEL, a round's number or the start of a model's root, as NAME@VERSION, or NAME VERSION.

    \b
    Example:  fedledger release propose 10 cardio@1.0.0 --report report.json --license Apache-2.0
    """
    from ledger.cli.connect import unlocked
    from ledger.errors import UsageError
    from ledger.party.auditing import require_right
    from ledger.rounds.trace import find

    if license_ and not report_file:
        raise click.UsageError("--license goes with --report")
    with unlocked(options.home, options.passphrase_file) as (connection, signer):
        state = connection.job(job)
        number = find(state, model)
        if number == 0:
            raise UsageError("the initial model cannot be released: it was never trained", job=state.number)
        action = _action(connection, state, number, release, scores)
        evaluation = _report(connection, action, report_file, license_ or "") if report_file else None
        if audit:
            require_right(connection, state.number, number)
        if evaluation is not None:
            from msgspec.structs import replace

            from ledger.party.pins import report_pin

            connection.put([evaluation.encode()], report_pin(evaluation.digest))
            action = replace(action, report=evaluation.digest.hex())
        submit_over(connection, signer, options, action)


def _action(connection: "Connection", state: "JobState", number: int, release: str, scores: bool) -> "ReleaseModel":
    from ledger.errors import UsageError
    from ledger.events.actions import NO_DIGEST, ReleaseModel
    from ledger.history.convicted import require_sound

    name, _, version = release.partition("@")
    final = state.rounds[number].final
    if final is None:
        raise UsageError("the round has made no model", round=number)
    require_sound(state, number)
    if connection.history.decisions.release(name, version) is not None:
        advice = "choose another version: the record of a release never changes"
        raise UsageError(f"{name} {version} was released already", advice=advice)
    root = _scores(state, number) if scores else NO_DIGEST
    return ReleaseModel(name, version, state.number, number, final.root.hex(), root)


def _scores(state: "JobState", number: int) -> str:
    """The root of a round's scores. Raises UsageError where they are not settled."""
    from ledger.errors import UsageError

    scoring = state.scorings.get(number)
    if scoring is None or scoring.medians is None:
        raise UsageError(
            f"round {number} of job {state.number} has no settled scores", advice="leave out --scores", round=number
        )
    return scoring.root.hex()


def _report(connection: "Connection", action: "ReleaseModel", path: Path, license_: str) -> "Evaluation":
    """The report in a file, if it is on the model and of members."""
    from msgspec.structs import replace

    from ledger.errors import UsageError
    from ledger.party.held_out import require_held_out
    from ledger.party.publishing import read_file
    from ledger.releases.report import check, require_model

    place = connection.place
    found = read_file(path)
    where = {"job": action.job, "round": action.round, "root": action.root}
    require_model(found, chain=place.chain, ledger=place.contract, **where)
    keys = {key for member in connection.history.members.values() for key in member.keys}
    stranger = next((party for party in found.parties if party.key not in keys), None)
    if stranger is not None:
        raise UsageError("the report has figures from a non-member", party=stranger.party, key=stranger.key)
    require_held_out(connection, connection.history.jobs[action.job], found)
    if license_:
        found = replace(found, license=license_)
        check(found)
    return found


@click.command(short_help="Propose that a release not be used any more.")
@release_argument(exact=True)
@click.option("--reason", required=True, help="Why; up to 32 plain characters stand on the chain itself.")
@submit_options
def revoke(options: SubmitOptions, release: str, reason: str) -> None:
    """Propose that NAME@VERSION, or NAME VERSION, not be used any more. A revoked release never returns.

    \b
    Example:  fedledger release revoke cardio@1.0.0 --reason "wrong labels"
    """
    from ledger.cli.connect import unlocked
    from ledger.events.actions import RevokeRelease
    from ledger.events.encoding import reason_text
    from ledger.history.names import find, reason_word, require_usable
    from ledger.party.pins import reason_pin

    word = reason_word(reason)
    with unlocked(options.home, options.passphrase_file) as (connection, signer):
        found = find(connection.history.decisions, release)
        require_usable(found)
        if reason_text(word) is None:
            connection.put([reason.encode()], reason_pin(word))
        submit_over(connection, signer, options, RevokeRelease(found.name, found.version, word.hex()))


@click.command(short_help="Propose a return to an earlier release.")
@release_argument(exact=True)
@submit_options
def rollback(options: SubmitOptions, release: str) -> None:
    """Propose that NAME@VERSION, or NAME VERSION, be the current one of its name again.

    \b
    Example:  fedledger release rollback cardio@1.0.0
    """
    from ledger.cli.connect import unlocked
    from ledger.events.actions import RollBack
    from ledger.history.names import find, require_usable

    with unlocked(options.home, options.passphrase_file) as (connection, signer):
        found = find(connection.history.decisions, release)
        require_usable(found)
        submit_over(connection, signer, options, RollBack(found.name, found.version))
