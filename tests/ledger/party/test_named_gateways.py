"""Which of the named gateways have other copies than a member's own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support.consortia.synthetic import Trial

from ledger.config import Network
from ledger.history.state import Member
from ledger.http.networks import EVERYWHERE
from ledger.party.connection import Connection
from ledger.party.named_gateways import NamedGateway, elsewhere, named_gateways

OWN, OTHER = "0x" + "01" * 20, "0x" + "02" * 20


def test_no_gateway_of_the_own_store_has_another_copy() -> None:
    own = NamedGateway("own", "https://own.example:8443/ipfs", EVERYWHERE, key=OWN)
    again = NamedGateway("archive", "https://OWN.example:8443/ipfs/", EVERYWHERE)
    claimed = NamedGateway("claimed", "https://own.example:8443/ipfs", EVERYWHERE, key=OTHER)
    other = NamedGateway("other", "https://other.example", EVERYWHERE, key=OTHER)
    twice = NamedGateway("other's", "https://other.example:443/", EVERYWHERE)
    impossible = NamedGateway("impossible", "ftp://other.example", EVERYWHERE)
    gateways = (own, again, claimed, other, twice, impossible)
    assert elsewhere(gateways, OWN) == [other]
    assert elsewhere(gateways, "") == [own, other]


def test_a_connection_leaves_out_the_own_gateway(consortium: Any, tmp_path: Path) -> None:
    with Trial(consortium), Connection.open(consortium.members[1].home) as connection:
        members = connection.refresh().members
        found = connection.elsewhere(members[1].key)
        assert {one.key for one in found} == {one.key for one in members.values() if one.gateway} - {members[1].key}
        assert len(found) == len(connection.holders.others) - 1


def test_gateways_are_named_again_where_the_ledger_told_something(
    consortium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among a hundred members that is a hundred addresses, and most events of a round name none."""
    named: list[tuple[NamedGateway, ...]] = []

    def counted(network: Network, members: Iterable[Member]) -> tuple[NamedGateway, ...]:
        named.append(named_gateways(network, members))
        return named[-1]

    with Trial(consortium) as trial, Connection.visit(trial.consortium.network, tmp_path) as visitor:
        monkeypatch.setattr("ledger.party.connection.named_gateways", counted)
        visitor.refresh()
        assert [len(one) for one in named] == [len(visitor.holders.others)]
        consortium.send(0, "ledger", "openRound", trial.number)
        named.clear()
        visitor.refresh()
        assert len(named) == 1
        trial.commit(1, 2)
        named.clear()
        assert len(visitor.refresh().jobs[trial.number].rounds[1].commitments) == 2
        assert not named
