"""`seal grant`, `seal revoke` and `seal erase`: slips made and deleted, nothing encrypted again."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.cli.screen import say
from ledger.cli.seals.arguments import by_file, loaded, make_own, read_key_option, reader_argument, round_options
from ledger.config import Home
from ledger.errors import Unavailable, UsageError
from ledger.formats.text import plural

if TYPE_CHECKING:
    from ledger.keys import Signer
    from ledger.party.seals.drawer import KeptSlips


@click.command()
@reader_argument
@read_key_option
@round_options
@passphrase_option
@home_option
@json_option
def grant(
    reader: bytes,
    read_keys: tuple[Path, ...],
    job: int | None,
    number: int | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Let READER (age1…) read the sealed updates that this home can open: a slip each, signed by the home's key.

    Nothing is encrypted again, and the updates' parties need not be asked. Hand the files to the reader: seal export.
    """
    from ledger.party.seals.drawer import Drawer
    from ledger.seals.keyring import find_key

    drawer, keys = Drawer(home.folder), loaded(read_keys, home)
    files = by_file(drawer.all(job, number))
    if not files:
        raise UsageError("this home has no slips of such updates", advice=home.command("seal", "import", "FILE"))
    signer, granted, closed = _signer(home, passphrase_file, drawer.all()), 0, 0
    for cid, kept in files.items():
        first = kept[0].slips
        found = find_key(first.name, cid, first.commitment, kept, keys)
        for bad in found.bad:
            click.echo(f"bad slips by {bad.author}: {bad.error.message}", err=True)
        if found.key is None:
            closed += 1
            continue
        own = {point for one in kept if one.author == signer.address for point in one.slips.packets}
        make_own(drawer, signer, found.key, cid, {*own, reader})
        granted += 1
    if not granted:
        advice = "name the read key that slips here are for: " + home.command("seal", "show", "--read-key", "FILE")
        raise Unavailable("no read key given opens any of these updates", advice=advice, updates=closed)
    note = f"; {plural(closed, 'update')} could not be opened here" if closed else ""
    say(as_json, f"{plural(granted, 'update')} granted{note}", granted=granted, closed=closed)


@click.command()
@reader_argument
@round_options
@passphrase_option
@home_option
@json_option
def revoke(
    reader: bytes, job: int | None, number: int | None, passphrase_file: Path | None, home: Home, as_json: bool
) -> None:
    """Delete the slips for READER (age1…) that this home made.

    What READER could read it may have read, and slips that were handed on are elsewhere: nothing takes that back. For
    later updates it gets none.
    """
    from ledger.party.seals.drawer import Drawer
    from ledger.seals.slips import Slips

    drawer = Drawer(home.folder)
    signer = _signer(home, passphrase_file, drawer.all())
    own = [kept for kept in drawer.all(job, number) if kept.author == signer.address and reader in kept.slips.packets]
    for kept in own:
        left = {point: packet for point, packet in kept.slips.packets.items() if point != reader}
        made = Slips(kept.slips.name, kept.slips.cid, kept.slips.commitment, left)
        if left:
            drawer.put(made.encode() + signer.sign_typed_data(*made.to_sign()))
        else:
            drawer.drop(kept)
    say(as_json, f"slips for {plural(len(own), 'update')} deleted here", revoked=len(own))


@click.command()
@click.argument("job", type=click.IntRange(min=1))
@click.argument("number", metavar="ROUND", type=click.IntRange(min=1))
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_option
@home_option
@json_option
def erase(job: int, number: int, yes: bool, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Delete the slips of this party's own sealed update of ROUND of JOB, and sign a statement that says so.

    The update can then be read by nobody who deletes its slips, too. Audits that are made later cannot look at it: its
    verdict, and that the round's model is the mean of its updates, are UNKNOWN to them, with the reason `erased`.
    """
    from ledger.cli.screen import require_yes
    from ledger.party.seals.drawer import Drawer
    from ledger.seals.erasure import Erasure

    drawer = Drawer(home.folder)
    signer = _signer(home, passphrase_file, drawer.all())
    own = [kept for kept in drawer.all(job, number) if kept.slips.name.party == signer.address]
    if not own:
        advice = f"look what it has: {home.command('seal', 'show')}"
        raise UsageError("this home has no slips of an own update of that round", advice=advice, job=job, round=number)
    if not yes:
        require_yes(f"Erase the own update of round {number} of job {job}? Nobody can undo it.", "nothing was erased")
    deleted = 0
    for said in {Erasure(kept.slips.name, kept.slips.cid) for kept in own}:
        deleted += drawer.erase(said.encode(signer.sign_typed_data(*said.to_sign())))
    say(
        as_json,
        f"erased: {plural(deleted, 'file')} of slips deleted; pass the statement on: {home.command('seal', 'export')}",
        deleted=deleted,
    )


def _signer(home: Home, passphrase_file: Path | None, kept: "list[KeptSlips]") -> "Signer":
    """The home's key, for the chain that its slips are of."""
    from ledger.cli.connect import signer_of

    chains = {one.slips.name.round.chain for one in kept}
    if len(chains) != 1:
        advice = home.command("seal", "import", "FILE")
        raise UsageError("this home has no slips, or those of several chains", advice=advice, chains=len(chains))
    return signer_of(home.keystore, passphrase_file, chains.pop())
