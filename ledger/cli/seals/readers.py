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
    from ledger.masks.secret import Secret
    from ledger.party.seals.drawer import Drawer, KeptSlips
    from ledger.seals.keyring import FoundKey


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
    """Let READER (age1…) read the sealed updates that this home can open.

    READER gets a slip for each, signed by the home's key.

    Nothing is encrypted again, and the updates' parties need not be asked. Hand the files to the reader: seal export.

    \b
    Example:  fedledger seal grant age1… --job 1
    """
    from ledger.party.seals.drawer import Drawer

    drawer, keys = Drawer(home.folder), loaded(read_keys, home)
    files = by_file(drawer.all(job, number))
    if not files:
        raise UsageError("this home has no slips of such updates", advice=home.command("seal", "import", "FILE"))
    signer, granted, closed = _signer(home, passphrase_file, drawer), 0, 0
    for cid, kept in files.items():
        found = _opened(cid, kept, keys, signer.address)
        for bad in found.bad:
            click.echo(f"bad slips by {bad.author}: {bad.error.message}", err=True)
        if found.key is None:
            closed += 1
            continue
        mine = [one.slips for one in kept if one.author == signer.address and one.slips.name == found.key.name]
        own = {point for slips in mine for point in slips.packets}
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

    \b
    Example:  fedledger seal revoke age1…
    """
    from ledger.party.seals.drawer import Drawer
    from ledger.seals.slips import Slips

    drawer = Drawer(home.folder)
    signer = _signer(home, passphrase_file, drawer)
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
    """Delete the slips of this party's own sealed update, and sign that.

    The update is that of ROUND of JOB. Typed again, it deletes what a crash left.

    A home that deletes its slips, too, can read the update no more. Audits that are made later cannot look at it: its
    verdict, and that the round's model is the mean of its updates, are UNKNOWN to them, with the reason `erased`.

    \b
    Example:  fedledger seal erase 1 7
    """
    from ledger.cli.screen import require_yes
    from ledger.party.seals.drawer import Drawer
    from ledger.seals.erasure import Erasure

    drawer = Drawer(home.folder)
    signer = _signer(home, passphrase_file, drawer)
    own = {Erasure(kept.slips.name, kept.slips.cid) for kept in drawer.all(job, number)}
    own = {said for said in (*own, *drawer.erasures(job, number)) if said.name.party == signer.address}
    if not own:
        advice = f"look what it has: {home.command('seal', 'show')}"
        raise UsageError("this home has no slips of an own update of that round", advice=advice, job=job, round=number)
    if not yes:
        require_yes(f"Erase the own update of round {number} of job {job}? Nobody can undo it.", "nothing was erased")
    deleted = 0
    for said in own:
        deleted += drawer.erase(said.encode(signer.sign_typed_data(*said.to_sign())))
    say(
        as_json,
        f"erased: {plural(deleted, 'file')} of slips deleted; pass the statement on: {home.command('seal', 'export')}",
        deleted=deleted,
    )


def _opened(cid: bytes, kept: "list[KeptSlips]", keys: "list[Secret]", me: str) -> "FoundKey":
    """The key by the home's own slips, where it has any: nothing else takes their place. Else by those of the update's
    party, or of others, which may be of another key than the file's.
    """
    from ledger.seals.keyring import FoundKey, find_key

    own, found = [one for one in kept if one.author == me], FoundKey(None, ())
    for one in own or sorted(kept, key=lambda one: one.author != one.slips.name.party):
        found = find_key(one.slips.name, cid, one.slips.commitment, kept, keys)
        if found.key is not None:
            break
    return found


def _signer(home: Home, passphrase_file: Path | None, drawer: "Drawer") -> "Signer":
    """The home's key, for the chain that its slips and erasures are of."""
    from ledger.cli.connect import signer_of

    names = [*(kept.slips.name for kept in drawer.all()), *(said.name for said in drawer.erasures())]
    chains = {name.round.chain for name in names}
    if len(chains) != 1:
        advice = home.command("seal", "import", "FILE")
        raise UsageError("this home has no slips, or those of several chains", advice=advice, chains=len(chains))
    return signer_of(home.keystore, passphrase_file, chains.pop())
