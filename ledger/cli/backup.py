"""`fedledger backup` and `fedledger restore`: a home in one encrypted file, and back."""

from pathlib import Path

import click

from ledger.cli.options import home_option, json_option
from ledger.cli.screen import say
from ledger.config import Home

FILE = click.Path(path_type=Path, dir_okay=False)
passphrase_option = click.option(
    "--passphrase-file", type=FILE, help="File, mode 0600, whose first line is the backup's passphrase.  [default: ask]"
)


@click.command()
@click.argument("output", type=FILE)
@passphrase_option
@home_option
@json_option
def backup(output: Path, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Write this home, encrypted, to the new file OUTPUT.

    Key, settings, salts and secrets, private models, and what was not sent yet. What the chain and other members give
    again is left out: the store of content above all. End the home's roles first. OUTPUT is in the age format, under a
    passphrase of its own; the key in it stays under that of the key file. Back up again whenever a job was approved or
    an analysis was answered, and each day while a job is masked or has private tensors.

    \b
    Example:  fedledger backup north.age
    """
    from ledger.cli.streams import human
    from ledger.keys import read_passphrase
    from ledger.party.upkeep.backups import back_up

    home.require_key()
    said = back_up(home, output, read_passphrase(passphrase_file, confirm=True, what="Passphrase of the backup"))
    text = f"{said.files} files of {said.address}, {human(said.size)}, in {output}: keep it away from this machine"
    say(as_json, text, file=str(output), address=said.address, made=said.made, files=said.files, size=said.size)


@click.command()
@click.argument("backup", type=FILE)
@passphrase_option
@home_option
@json_option
def restore(backup: Path, passphrase_file: Path | None, home: Home, as_json: bool) -> None:
    """Make this home again from the file BACKUP.

    The home's folder must be empty, or not there. What the home did after the backup it reads from the ledger, such as
    that it withdrew its data, but for one thing that is at home alone: which analyses it answered, so that it may tell
    a column's rows in a second way. Compare `node told` with the jobs that were answered before the node runs. Never
    let the old home and this one run at once: two answers of one member convict it.

    \b
    Example:  fedledger restore north.age --home north
    """
    from ledger.errors import UsageError
    from ledger.keys import read_passphrase
    from ledger.party.upkeep.backups import require_backup
    from ledger.party.upkeep.backups import restore as restore_home

    if not backup.is_file():
        raise UsageError("no such backup", file=str(backup))
    require_backup(backup)
    said = restore_home(home, backup, read_passphrase(passphrase_file, what="Passphrase of the backup"))
    text = f"{said.address} as of {said.made}, {said.files} files, in {home.folder}\nNext: {home.command('doctor')}"
    say(as_json, text, home=str(home.folder), address=said.address, made=said.made, files=said.files, size=said.size)
