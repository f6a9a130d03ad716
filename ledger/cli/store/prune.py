"""`store prune` and `heal`: copies by what the consortium's members keep."""

import click

from ledger.cli.options import home_option, json_option
from ledger.cli.screen import require_yes, say
from ledger.cli.streams import human
from ledger.config import Home
from ledger.errors import Unavailable, UsageError
from ledger.formats.text import plural


@click.command()
@click.option("--yes", is_flag=True, help="Remove without being asked.")
@home_option
@json_option
def prune(yes: bool, home: Home, as_json: bool) -> None:
    """Remove copies of updates that other members keep.

    What no pin keeps goes with them.

    What an audit needs of this member stays, and is said before anything is removed: its own updates, those that it
    keeps by rank or signed for, models, receipts, jobs, evidence. An update goes only if another member returns it
    whole now.

    \b
    Example:  fedledger store prune
    """
    from ledger.keys import address_of
    from ledger.party.connection import Connection
    from ledger.party.upkeep.pruning import Pruning, said
    from ledger.store import maintenance
    from ledger.store.embedded import Embedded

    with Connection.open(home) as connection:
        connection.refresh()
        store = connection.store
        if not isinstance(store, Embedded):
            raise UsageError("the store is not a folder of ours", advice="unpin what may go, then `ipfs repo gc`")
        plan = Pruning(connection, store, address_of(home.keystore)).plan()
        click.echo(said(plan), err=as_json)
        if plan.goes and not yes:
            require_yes(f"Remove up to {human(plan.size)}?", undone="nothing was removed")
        store.unpin_all(plan.goes)
        sizes = maintenance.sizes(store.pack_paths())
        removed = maintenance.collect(store) if plan.goes else []
    freed, gone = sum(sizes.get(path, 0) for path in removed), [path.stem for path in removed]
    facts = {"unpinned": sorted(plan.goes), "bytes": freed, "removed": gone, "alone": plan.alone}
    say(as_json, f"{len(gone)} removed, {human(freed)}", **facts, stays=dict(plan.stays))


@click.command("heal")
@home_option
@json_option
def heal_copies(home: Home, as_json: bool) -> None:
    """Read every pinned file, and get what is damaged again from members.

    Exit 3 if one is not had.

    \b
    Example:  fedledger store heal
    """
    from ledger.party.connection import Connection
    from ledger.party.upkeep.healing import heal

    with Connection.open(home) as connection:
        connection.refresh()
        found = list(heal(connection))
    left = [one for one in found if one.trouble]
    lines = [f"{one.pin}: {one.problem}; {one.trouble or 'whole again'}" for one in found]
    files = [{"pin": one.pin, "cid": str(one.cid), "problem": one.problem, "trouble": one.trouble} for one in found]
    say(as_json, "\n".join(lines) or "every pinned file is whole", healed=len(found) - len(left), files=files)
    if left:
        raise Unavailable(
            f"{plural(len(left), 'file')} could not be had again", advice="try again once more members can be reached"
        )
