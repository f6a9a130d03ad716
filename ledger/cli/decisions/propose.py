"""`fedledger proposal propose`: what members may decide, except for releases, which `fedledger release` proposes."""

import click

from ledger.cli.decisions.submit import SubmitOptions, submit, submit_options, submit_over
from ledger.cli.options import roles_option, rules_options


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
@roles_option(default=None)
@submit_options
def admit(options: SubmitOptions, key: str, name: str, roles: tuple[str, ...]) -> None:
    """Propose that the owner of KEY, an address that was never used here, join.

    Its name is part of what the members vote on: nobody changes it afterwards, and nobody else gets it.

    \b
    Example:
      fedledger proposal propose admit 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 \\
        --name "South clinic" --roles participant
    """
    from ledger.cli.connect import unlocked
    from ledger.events.actions import AdmitMember
    from ledger.events.records import Role
    from ledger.history.naming import require_new_name

    action = AdmitMember(_address(key), int(Role.named(roles)), name)
    with unlocked(options.home, options.passphrase_file) as (connection, signer):
        require_new_name(name, connection.history.members.values())
        submit_over(connection, signer, options, action)


@propose.command()
@click.argument("member", type=click.IntRange(0, 254))
@submit_options
def remove(options: SubmitOptions, member: int) -> None:
    """Propose that MEMBER, by number, leave. Three members remain, always.

    \b
    Example:  fedledger proposal propose remove 2
    """
    from ledger.cli.connect import unlocked
    from ledger.events.actions import RemoveMember
    from ledger.history.members import require_removable

    with unlocked(options.home, options.passphrase_file) as (connection, signer):
        require_removable(member, connection.history.members)
        submit_over(connection, signer, options, RemoveMember(member))


@propose.command("roles")
@click.argument("member", type=click.IntRange(0, 254))
@roles_option(default=None)
@submit_options
def roles_(options: SubmitOptions, member: int, roles: tuple[str, ...]) -> None:
    """Propose other roles for MEMBER, by number.

    \b
    Example:  fedledger proposal propose roles 1 --roles participant,scorer
    """
    from ledger.events.actions import ChangeRoles
    from ledger.events.records import Role

    submit(options, ChangeRoles(member, int(Role.named(roles))))


@propose.command()
@rules_options
@submit_options
def rules(options: SubmitOptions, **changes: int | None) -> None:
    """Propose other rules for the votes that follow; what is not given stays as it is.

    \b
    Example:  fedledger proposal propose rules --vote-seconds 86400
    """
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
    """Propose that no more rounds of JOB, a number, be opened.

    \b
    Example:  fedledger proposal propose close-job 1
    """
    from ledger.events.actions import CloseJob

    submit(options, CloseJob(job))


@propose.command()
@click.argument("job", type=click.IntRange(min=1))
@submit_options
def rewind(options: SubmitOptions, job: int) -> None:
    """Propose that JOB go on from the last model before the convicted one.

    The proposal names the round whose conviction stands now; should the court convict an earlier one before it is
    carried out, it changes nothing. The rounds from there on stay on record, and are never built on. The other way is
    close-job.

    \b
    Example:  fedledger proposal propose rewind 1
    """
    from ledger.cli.connect import unlocked
    from ledger.events.actions import RewindJob

    with unlocked(options.home, options.passphrase_file) as (connection, signer):
        submit_over(connection, signer, options, RewindJob(job, connection.job(job).convicted))


@propose.command()
@click.argument("chain", type=click.IntRange(min=1))
@click.argument("ledger")
@submit_options
def successor(options: SubmitOptions, chain: int, ledger: str) -> None:
    """Propose to go on with LEDGER, an address, on CHAIN, by its id. The present ledger stays readable.

    \b
    Example:  fedledger proposal propose successor 31337 0x5FbDB2315678afecb367f032d93F642f64180aa3
    """
    from ledger.events.actions import NameSuccessor

    submit(options, NameSuccessor(chain, _address(ledger)))


def _address(text: str) -> str:
    from ledger.formats.digest import read_address

    return read_address(text, "that")
