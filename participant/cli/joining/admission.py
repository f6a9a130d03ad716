"""Address files that came back: their words compared, and newcomers proposed to the members."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.screen import require_yes, say
from ledger.config import Home
from ledger.errors import UsageError, plain
from ledger.formats.text import command, listed

if TYPE_CHECKING:
    from ledger.config import Network
    from ledger.keys import Signer
    from participant.joining.documents import AddressFile
    from participant.joining.founding import FoundingFile


def compare(addresses: "Sequence[AddressFile]", *, yes: bool) -> None:
    """Show the words of address files, on the error stream, and ask whether those who sent them read the same."""
    from participant.joining.fingerprint import words_of

    for one in addresses:
        said = (
            f"{plain(one.invite.name)}, {listed(one.invite.roles)}, key {one.key}\n  its words: {words_of(one.digest)}"
        )
        click.echo(said, err=True)
    if addresses and not yes:
        require_yes("Have you compared the words by phone?", "nothing was taken")


def propose(home: Home, files: Sequence[Path], yes: bool, passphrase_file: Path | None, as_json: bool) -> None:
    """Propose to the members what these files ask for."""
    from ledger.cli.connect import unlocked
    from participant.joining.admitting import check_newcomer, propose_admission, read_address
    from participant.joining.files import file_name

    addresses = [read_address(file, int(time.time())) for file in files]
    lines, facts = list[str](), list[dict[str, Any]]()
    with unlocked(home, passphrase_file) as (connection, signer):
        network, now = connection.network, connection.client.time()
        for one in addresses:
            check_newcomer(connection.history, one, network, now)
        compare(addresses, yes=yes)
        for one in addresses:
            made = propose_admission(connection, connection.sender(signer), one)
            name = one.invite.name
            lines.append(f"proposal {made.number}: admit {plain(name)} as {listed(one.invite.roles)}")
            lines.append(f"Next: {made.needed} of {made.members} members vote, this one, too; each types:")
            lines.append(f"  {command('proposal', 'vote', made.number, 'for')}")
            lines.append(f"  then, one of them: {command('proposal', 'close', made.number)}")
            lines.append(f"  after the delay that the rules set: {command('proposal', 'execute', made.number)}")
            lines.append(f"  then {plain(name)}: {command('join', file_name(name, 'invite'))}, once more")
            facts.append({"proposal": made.number, "name": name, "key": one.key, "deadline": made.deadline})
    say(as_json, "\n".join(lines), proposals=facts)


def founder_key(home: Home, founding: "FoundingFile", passphrase_file: Path | None) -> "Signer":
    """The founder's key, which signs what is founded. Raises UsageError where the home has another one by now."""
    from ledger.cli.connect import signer_of

    signer = signer_of(home.keystore, passphrase_file, founding.chain.id)
    if signer.address != founding.founder.key:
        raise UsageError(
            "the home's key is not the one that invited",
            advice="bring the key file back that fedledger consortium new made",
            expected=founding.founder.key,
            actual=signer.address,
        )
    return signer


def founding_words(network: "Network", *, given: bool = False) -> tuple[str, list[str]]:
    """The words that all members compare; and the same for people, with what that is for; or, where they were `given`
    and compared here, with what that has shown.
    """
    from participant.joining.documents import founding_digest
    from participant.joining.fingerprint import words_of

    words = words_of(founding_digest(network))
    if given:
        return words, [
            f"The founding's words: {words}",
            "  Checked: they are those that you gave. Chain, contracts, names and keys are the",
            "  same as where they were read to you, so nobody need compare them here again",
        ]
    said = [
        f"The founding's words: {words}",
        "  Compare them with every member, by phone, before anything is trained:",
        "  with the same words all have joined the same consortium, with the key of",
        "  each that it found to be its own",
    ]
    return words, said
