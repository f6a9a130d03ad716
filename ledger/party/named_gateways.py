"""The gateways that ledger and network file name, and clients of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.config import Network
from ledger.errors import UsageError
from ledger.history.state import Member
from ledger.store import Blocks
from ledger.store.networks import EVERYWHERE, Reach, reach_of


@dataclass(frozen=True, slots=True)
class NamedGateway:
    """A gateway's name on screens and its address; `reach` is what may be dialled there."""

    name: str
    url: str
    reach: Reach


def named_gateways(network: Network, members: Iterable[Member]) -> tuple[NamedGateway, ...]:
    """Those that members announced, then those in the network file, which may be anywhere: that file is trusted."""
    reach = reach_of(network)
    announced = [NamedGateway(network.party_name(one.index), one.gateway, reach) for one in members if one.gateway]
    return (*announced, *(NamedGateway(one.name, one.url, EVERYWHERE) for one in network.gateways))


def remotes(gateways: Iterable[NamedGateway]) -> list[Blocks]:
    """Clients of gateways; one with an impossible address is left out."""
    from ledger.store.remote import Remote

    found: list[Blocks] = []
    for one in gateways:
        try:
            found.append(Remote(one.name, one.url, reach=one.reach))
        except UsageError:
            continue
    return found
