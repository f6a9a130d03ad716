"""A conviction file, checked and shown: no node is asked."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import click

from ledger.config import Network

if TYPE_CHECKING:
    from ledger.court.conviction import Proved
    from ledger.party.connection import Connection

SIGNATURE = b"\xc0"
"""The least first byte of a conviction file, an RLP list's; no JSON begins so."""


class ShownConviction(NamedTuple):
    """What a file says, in lines and as a document; `holds` in it is whether it convicts."""

    lines: list[str]
    facts: dict[str, Any]

    @classmethod
    def read(cls, path: Path, data: bytes, network: Network | None) -> Self:
        """Check a file's bytes; with a network, that it is of that one's ledger. Raises Malformed for bytes
        that are no conviction file.
        """
        from ledger.court.conviction import check, parse
        from ledger.errors import Malformed

        known = {"file": str(path)}
        try:
            file = parse(data)
        except Malformed as error:
            advice = "take the file as it was sent, whole: its SHA-256 can be compared by phone"
            raise Malformed(error.message, advice=advice, **{**known, **error.facts}) from error
        try:
            proved = check(file)
            _require_of(network, proved)
        except Malformed as error:
            return cls([f"{error}"], known | {"holds": False, "why": str(error)})
        lines, facts = described(proved)
        place = {"chain": proved.round.chain, "ledger": proved.round.ledger}
        where = {"job": proved.round.job, "round": proved.round.round}
        return cls(lines, known | {"holds": True} | place | where | facts)

    def print(self) -> None:
        """Show it."""
        mark = click.style("✓", fg="green") if self.facts["holds"] else click.style("✗", fg="red")
        click.echo(f"{mark} {self.facts['file']}")
        for line in "\n".join(self.lines).splitlines():
            click.echo(f"    {line}")
        if self.facts["holds"]:
            terms = ", ".join(f"{name} {value}" for name, value in self.facts["terms"].items())
            click.echo(f"    it counts where the ledger has this claim: {self.facts['claim']}")
            click.echo(f"    and these terms of job {self.facts['job']}, which no claim covers: {terms}")


def described(proved: "Proved", connection: "Connection | None" = None) -> tuple[list[str], dict[str, Any]]:
    """What a conviction file proves; with members' names where a ledger is at hand."""
    from msgspec.structs import asdict

    from ledger.court.sentences import false_in, signers

    def name(key: str) -> str:
        member = connection.history.member_of(key) if connection else None
        return f"{connection.name(member.index)} ({key})" if connection and member else key

    judgement = proved.judgement
    facts = {
        "ground": judgement.point.ground.name.lower(),
        "member": judgement.point.member,
        "value": judgement.point.value,
        "expected": str(judgement.expected),
        "actual": str(judgement.actual),
        "claim": judgement.claim.hex(),
        "aggregator": proved.aggregator,
        "attesters": list(proved.attesters),
        "proposer": proved.proposer,
        "terms": asdict(proved.terms) | {"initial": proved.terms.initial.hex()},
    }
    return [false_in(judgement, proved.round), *signers(proved, name)], facts


def _require_of(network: Network | None, proved: "Proved") -> None:
    from ledger.errors import Malformed

    if network is None:
        return
    expected = (network.chain.id, network.contracts.ledger.address)
    actual = (proved.round.chain, proved.round.ledger)
    if actual != expected:
        raise Malformed("the conviction is of another chain or ledger", expected=expected, actual=actual)
