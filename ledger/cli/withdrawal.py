"""`fedledger job withdraw`, `fedledger job withdrawal`: a member brings no more data into a job, and says so."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import home_option, json_option, network_option, passphrase_option, rpc_option
from ledger.cli.screen import require_yes, say
from ledger.config import Home
from ledger.formats.text import command

if TYPE_CHECKING:
    from ledger.history.state import JobState, Member
    from ledger.history.withdrawal import Withdrawal
    from ledger.party.connection import Connection

REFUTED = 1


@click.command(short_help="Bring no more of your data into a job, and say so on the ledger.")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--reason", required=True, help="Why, in a line that others read.")
@click.option("--yes", is_flag=True, help="Withdraw without being asked.")
@passphrase_option
@home_option
@json_option
def withdraw(number: int, reason: str, yes: bool, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Withdraw this member's data from job NUMBER, for the rounds to come and for good.

    This home's node commits to no further update of the job, from now on and after a restart; all else that it does
    goes on. The ledger gets a word of it that all members and auditors read. The reason is in a statement under the
    member's key, in the home and in its store: give the file to the others, who hold it against the ledger with
    `fedledger job withdrawal FILE`. Models that were made stay as they are. Where this was interrupted the same command
    goes on.

    Exit codes: 0 withdrawn; 2 wrong usage, no such job, or withdrawn before; 3 unavailable, the same command goes on;
    4 rejected by the contract.

    Example: fedledger job withdraw 3 --reason "the ethics vote was revoked"
    """
    from ledger.cli.connect import unlocked
    from ledger.history.withdrawal import address_of, file_in
    from ledger.party.acts.withdrawing import Withdrawing

    with unlocked(home, passphrase_file) as (connection, signer):
        act = Withdrawing(connection, signer, number, file_in(home.withdrawals, number))
        act.require_possible()
        if not yes:
            require_yes(f"Withdraw this member's data from job {number} for all rounds to come? This is for good.")
        signed = act.keep(reason)
        said = act.put_on_record(signed)
        member, job = connection.history.members[signed.member], connection.history.jobs[number]
    text = (
        f"job {number} gets no further update of this member's: on the ledger since block {said.block}, after round "
        f"{said.last_round}; the statement for the others is {act.path}\n"
        f"Next: give it to them; there: {command('job', 'withdrawal', act.path.name)}"
        f"{still_waited_for(job, member)}"
    )
    say(as_json, text, job=number, file=str(act.path), digest=said.statement.hex(), cid=str(address_of(said)),
        last_round=said.last_round, block=said.block, tx=said.tx.hex())  # fmt: skip


def still_waited_for(job: "JobState", member: "Member") -> str:
    """What comes of the rounds to come, in further lines; nothing of a job that has none."""
    from ledger.rounds.awaited import way_out

    if job.closed or job.complete:
        return ""
    return (
        "\n  rounds that wait for every participant count this member still, and last until their deadlines, unless\n"
        "  the members vote that it trains no more, in any job, or go on with a job without it; to put that to\n"
        f"  the vote:\n  {way_out(member)}"
    )


@click.command(short_help="Hold a member's withdrawal against the ledger.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@network_option
@rpc_option
@home_option
@json_option
def withdrawal(file: Path, network_file: Path | None, rpc: str | None, home: Home, as_json: bool) -> None:
    """Check the statement FILE that a member made with `fedledger job withdraw`: whose it is, that it is the one on the
    ledger, and whether the member kept to it. `fedledger job show` says who withdrew from a job, and the CID of what it
    stated.

    Exit codes: 0 it is the member's, and kept to; 1 it is not, or an update came after it; 2 another form of file;
    3 the chain cannot be asked, or does not have it, or its block, yet.

    Example: fedledger job withdrawal job-3.json --network network.toml
    """
    from ledger.cli.connect import look
    from ledger.errors import Unavailable
    from ledger.history.withdrawal import check, digest_of, require_place

    found = _read(file)
    with look(network_file, home, rpc) as connection:
        history = connection.refresh()
        place = connection.place.chain, connection.place.contract
        require_place(found, place)
        block = connection.client.block_hash(found.block.number)
        if block is None:
            raise Unavailable("the chain node does not have the withdrawal's block yet", block=found.block.number)
        state = connection.job(found.job)
        broken = check(found, place, state, history.member_of(found.key), block)
        name, said = connection.name(found.member), state.withdrawn.get(found.member)
    if said is None and not broken:
        raise Unavailable(
            "the withdrawal is signed by its member, and not on the ledger",
            advice="its member puts it there: fedledger job withdraw",
            job=found.job,
            digest=digest_of(found).hex(),
        )
    last = min(found.last_round, said.last_round) if said else found.last_round
    kept = "kept to so far" if not broken else f"not kept to: updates came in round {', '.join(map(str, broken))}"
    where = f"on the ledger since block {said.block}" if said else "not on the ledger"
    text = f"{name} withdrew its data from job {found.job} after round {last}, {where}: {found.reason}; {kept}"
    say(as_json, text, job=found.job, member=found.member, last_round=last, reason=found.reason, broken=list(broken),
        block=said.block if said else None)  # fmt: skip
    if broken:
        click.get_current_context().exit(REFUTED)


def _read(file: Path) -> "Withdrawal":
    """The statement in a file. Raises UsageError, Unavailable or Malformed."""
    from ledger.errors import Unavailable, UsageError
    from ledger.files.foreign import read_foreign
    from ledger.history.withdrawal import MAX_SIZE, parse

    try:
        return parse(read_foreign(file, "the withdrawal", MAX_SIZE))
    except FileNotFoundError as error:
        raise UsageError("no such file", file=str(file)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the withdrawal: {error.strerror}", file=str(file)) from error


def withdrawals(connection: "Connection", state: "JobState") -> list[dict[str, Any]]:
    """Who withdrew its data from a job, by what, when, and in which rounds it did not keep to it, for JSON."""
    from ledger.history.withdrawal import address_of
    from ledger.party.moments import Moments

    found = sorted(state.withdrawn.items())
    moments = Moments(connection, *(said.block for _, said in found))
    return [
        {"member": connection.name(index), "after_round": said.last_round, **moments.of(said.block)}
        | {"statement": str(address_of(said)), "tx": said.tx.hex(), "broken_in": state.broken_by(index)}
        for index, said in found
    ]
