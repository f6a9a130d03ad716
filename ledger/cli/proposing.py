"""`fedledger proposal propose`: what members may decide, but for releases, which `fedledger release` proposes."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.config import Home

if TYPE_CHECKING:
    from ledger.actions import Action
    from ledger.connection import Connection
    from ledger.proposal import Proposal

ROLES = ("participant", "aggregator", "scorer")


@click.group()
def propose() -> None:
    """Propose something to the members. Any member may.

    A release, its revocation and a return to an earlier one are proposed by `fedledger release`.
    """


@propose.command()
@click.argument("key")
@click.option("--roles", required=True, help="Its roles, with commas: participant, aggregator, scorer.")
@passphrase_option
@home_option
@json_option
def admit(key: str, roles: str, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Propose that the owner of KEY, an address that was never used here, join."""
    from ledger.actions import AdmitMember

    put(home, passphrase_file, as_json, AdmitMember(_address(key), _bits(roles)))


@propose.command()
@click.argument("member", type=click.IntRange(0, 254))
@passphrase_option
@home_option
@json_option
def remove(member: int, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Propose that MEMBER, by number, leave."""
    from ledger.actions import RemoveMember

    put(home, passphrase_file, as_json, RemoveMember(member))


@propose.command("roles")
@click.argument("member", type=click.IntRange(0, 254))
@click.option("--roles", required=True, help="All its roles, with commas: participant, aggregator, scorer.")
@passphrase_option
@home_option
@json_option
def roles_(member: int, roles: str, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Propose other roles for MEMBER, by number."""
    from ledger.actions import ChangeRoles

    put(home, passphrase_file, as_json, ChangeRoles(member, _bits(roles)))


@propose.command()
@click.option("--quorum", type=int, help="More than this part of the members must vote, in 1/10,000.")
@click.option("--majority", type=int, help="More than this part of For and Against must be For, in 1/10,000.")
@click.option("--vote-seconds", type=int, help="Time to vote.")
@click.option("--extension-seconds", type=int, help="Time left to the others where the quorum is reached late.")
@click.option("--delay-seconds", type=int, help="Time between the end of the vote and its execution.")
@click.option("--execute-seconds", type=int, help="Time in which it can be executed.")
@passphrase_option
@home_option
@json_option
def rules(passphrase_file: Path | None, home: Home, as_json: bool, **changes: int | None) -> None:
    """Propose other rules for the votes that follow; what is not given stays as it is."""
    import msgspec

    from ledger.actions import ChangeRules
    from ledger.chain.founding import check_rules
    from ledger.cli.opening import act
    from ledger.errors import Unavailable
    from ledger.voting import propose as send

    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        raise click.UsageError("name at least one rule to change")
    with act(home, passphrase_file) as (connection, sender):
        present = connection.history.decisions.rules
        if present is None:
            raise Unavailable("the rules cannot be read from the chain yet")
        wanted = msgspec.structs.replace(present, **given)
        check_rules(wanted)
        tell(connection, send(connection, sender, ChangeRules(wanted)), as_json)


@propose.command("close-job")
@click.argument("job", type=click.IntRange(min=1))
@passphrase_option
@home_option
@json_option
def close_job(job: int, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Propose that no more rounds of JOB, by number, be opened."""
    from ledger.actions import CloseJob

    put(home, passphrase_file, as_json, CloseJob(job))


@propose.command()
@click.argument("chain", type=click.IntRange(min=1))
@click.argument("ledger")
@passphrase_option
@home_option
@json_option
def successor(chain: int, ledger: str, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Propose to go on with LEDGER, an address, on CHAIN, by its id. The present ledger stays readable."""
    from ledger.actions import NameSuccessor

    put(home, passphrase_file, as_json, NameSuccessor(chain, _address(ledger)))


def put(home: Home, passphrase_file: Path | None, as_json: bool, action: "Action") -> None:
    """Propose an action and say what the others do next."""
    from ledger.cli.opening import act
    from ledger.voting import propose as send

    with act(home, passphrase_file) as (connection, sender):
        tell(connection, send(connection, sender, action), as_json)


def tell(connection: "Connection", made: "Proposal", as_json: bool) -> None:
    """What was proposed, and what the others type."""
    from ledger.cli.words import describe, say, when
    from ledger.errors import plain

    text = (
        f"proposal {made.number}: {plain(describe(connection, made.action))}\n"
        f"{made.quorum} of {made.members} members must vote, until {when(made.deadline)}; they type:\n"
        f"  fedledger proposal vote {made.number} for|against|abstain"
    )
    kind = made.kind.name.lower()
    facts = {"proposal": made.number, "id": made.id.hex(), "kind": kind, "deadline": made.deadline}
    say(as_json, text, **facts, tx=made.tx.hex())


def _address(text: str) -> str:
    from ledger.digest import checksum_address
    from ledger.errors import UsageError

    try:
        data = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        data = b""
    if len(data) != 20 or not text.startswith("0x"):
        raise UsageError("that is no address: 0x and 40 hexadecimal digits", actual=text[:80])
    checked = checksum_address(data)
    if text not in {checked, text.lower()}:
        raise UsageError("the address is mistyped", expected=checked, actual=text)
    return checked


def _bits(text: str) -> int:
    from ledger.records import Role

    names = [name.strip().lower() for name in text.split(",")]
    unknown = [name for name in names if name not in ROLES]
    if unknown:
        raise click.UsageError(f"there is no role {unknown[0]!r}; roles are {', '.join(ROLES)}")
    return int(sum({Role[name.upper()] for name in names}))
