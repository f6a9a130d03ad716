"""`fedledger proposal propose`: what members may decide, except for releases, which `fedledger release` proposes."""

import click

from ledger.cli.decisions.submit import SubmitOptions, submit, submit_options, submit_over

ROLES = ("participant", "aggregator", "scorer")


@click.group()
def propose() -> None:
    """Propose something to the members. Any member may.

    A release, its revocation and a return to an earlier one are proposed by `fedledger release`. With --sign-only a
    proposal is signed and written to a file, and nothing is sent: `fedledger proposal relay FILE` sends it with any
    key, `curl --json @FILE https://…/relay.json` with a server's.
    """


@propose.command()
@click.argument("key")
@click.option("--name", required=True, help="What it is called on every screen, for good: 1 to 64 bytes of text.")
@click.option("--roles", required=True, help="Its roles, with commas: participant, aggregator, scorer.")
@submit_options
def admit(options: SubmitOptions, key: str, name: str, roles: str) -> None:
    """Propose that the owner of KEY, an address that was never used here, join.

    Its name is part of what the members vote on: nobody changes it afterwards, and nobody else gets it.
    """
    from ledger.cli.connect import unlocked
    from ledger.events.actions import AdmitMember
    from ledger.history.naming import require_new_name

    action = AdmitMember(_address(key), _roles(roles), name)
    with unlocked(options.home, options.passphrase_file) as (connection, signer):
        require_new_name(name, connection.history.members.values())
        submit_over(connection, signer, options, action)


@propose.command()
@click.argument("member", type=click.IntRange(0, 254))
@submit_options
def remove(options: SubmitOptions, member: int) -> None:
    """Propose that MEMBER, by number, leave."""
    from ledger.events.actions import RemoveMember

    submit(options, RemoveMember(member))


@propose.command("roles")
@click.argument("member", type=click.IntRange(0, 254))
@click.option("--roles", required=True, help="All its roles, with commas: participant, aggregator, scorer.")
@submit_options
def roles_(options: SubmitOptions, member: int, roles: str) -> None:
    """Propose other roles for MEMBER, by number."""
    from ledger.events.actions import ChangeRoles

    submit(options, ChangeRoles(member, _roles(roles)))


@propose.command()
@click.option("--majority", type=int, help="More than this part of all members must be for it, in 1/10,000.")
@click.option("--vote-seconds", type=int, help="Time to vote.")
@click.option("--delay-seconds", type=int, help="Time between the end of the vote and its execution.")
@click.option("--execute-seconds", type=int, help="Time in which it can be executed.")
@submit_options
def rules(options: SubmitOptions, **changes: int | None) -> None:
    """Propose other rules for the votes that follow; what is not given stays as it is."""
    import msgspec

    from ledger.chain.consortium_file import check_rules
    from ledger.cli.connect import unlocked
    from ledger.errors import Unavailable
    from ledger.events.actions import ChangeRules

    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        raise click.UsageError("name at least one rule to change")
    with unlocked(options.home, options.passphrase_file) as (connection, signer):
        present = connection.history.decisions.rules
        if present is None:
            raise Unavailable("the rules cannot be read from the chain yet")
        changed = msgspec.structs.replace(present, **given)
        check_rules(changed)
        submit_over(connection, signer, options, ChangeRules(changed))


@propose.command("close-job")
@click.argument("job", type=click.IntRange(min=1))
@submit_options
def close_job(options: SubmitOptions, job: int) -> None:
    """Propose that no more rounds of JOB, a number, be opened."""
    from ledger.events.actions import CloseJob

    submit(options, CloseJob(job))


@propose.command()
@click.argument("chain", type=click.IntRange(min=1))
@click.argument("ledger")
@submit_options
def successor(options: SubmitOptions, chain: int, ledger: str) -> None:
    """Propose to go on with LEDGER, an address, on CHAIN, by its id. The present ledger stays readable."""
    from ledger.events.actions import NameSuccessor

    submit(options, NameSuccessor(chain, _address(ledger)))


def _address(text: str) -> str:
    from ledger.formats.digest import read_address

    return read_address(text, "that")


def _roles(text: str) -> int:
    from ledger.events.records import Role

    names = [name.strip().lower() for name in text.split(",")]
    unknown = [name for name in names if name not in ROLES]
    if unknown:
        raise click.UsageError(f"{unknown[0]!r} is not a role; roles are {', '.join(ROLES)}")
    return int(sum({Role[name.upper()] for name in names}))
