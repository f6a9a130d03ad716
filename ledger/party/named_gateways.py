"""The gateways that ledger and network file name, and clients of them."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ledger.config import Network
from ledger.errors import UsageError
from ledger.history.state import Member
from ledger.http import addresses
from ledger.http.addresses import Address
from ledger.http.answers import Answer
from ledger.http.networks import EVERYWHERE, Reach, reach_of
from ledger.http.outgoing import OPEN, Outgoing, outgoing_of
from ledger.http.road import Road

if TYPE_CHECKING:
    from ledger.store.remote import Remote


@dataclass(frozen=True, slots=True)
class NamedGateway:
    """A gateway's name on screens and its address; `reach` is what may be dialled there, `outgoing` the way out, `key`
    that of the member that announced it, empty for one of the network file.
    """

    name: str
    url: str
    reach: Reach
    outgoing: Outgoing = OPEN
    key: str = ""


def named_gateways(network: Network, members: Iterable[Member]) -> tuple[NamedGateway, ...]:
    """Those that members announced, then those in the network file, which may be anywhere: that file is trusted."""
    named = (NamedGateway(one.name, one.url, EVERYWHERE, outgoing_of(network)) for one in network.gateways)
    return (*announced_gateways(network, members), *named)


def announced_gateways(network: Network, members: Iterable[Member]) -> tuple[NamedGateway, ...]:
    """Those that members announced: they choose the address, so credentials go to exactly the url they are for."""
    ways = reach_of(network), replace(outgoing_of(network), exact=True)
    return tuple(NamedGateway(one.name, one.gateway, *ways, one.key) for one in members if one.gateway)


def elsewhere(gateways: Iterable[NamedGateway], key: str) -> list[NamedGateway]:
    """Those that may have other copies than the member with `key`: not its own, nor one of the same address, and of
    each other address the first.
    """
    named, found = tuple(gateways), dict[Address, NamedGateway]()
    own = {_address(one) for one in named if key and one.key == key}
    for one in named:
        address = _address(one)
        if address is not None and address not in own:
            found.setdefault(address, one)
    return list(found.values())


def ask_health(gateway: NamedGateway, seconds: float) -> Answer:
    """Dial a gateway once, as a member would for content. Raises Trouble, and UsageError for an impossible address."""
    road = Road(gateway.name, addresses.gateway(gateway.url), gateway.outgoing, gateway.reach)
    try:
        return road.ask("GET", "/health", silence=seconds, whole=seconds, ceiling=1000)
    finally:
        road.close()


def _address(gateway: NamedGateway) -> Address | None:
    try:
        return addresses.gateway(gateway.url)
    except UsageError:
        return None


def remotes(
    gateways: Iterable[NamedGateway], before: Mapping[NamedGateway, "Remote"] | None = None
) -> dict[NamedGateway, "Remote"]:
    """Clients of gateways, those from `before` where there are; one with an impossible address is left out."""
    from ledger.store.remote import Remote

    found: dict[NamedGateway, Remote] = {}
    for one in gateways:
        with suppress(UsageError):
            found[one] = (before or {}).get(one) or Remote(one.name, one.url, reach=one.reach, outgoing=one.outgoing)
    return found
