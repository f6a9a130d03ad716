"""Whether others can dial a home's gateway, as far as that shows from here."""

import ipaddress
from contextlib import suppress

from ledger.config import LOCAL_CHAIN, HomeSettings
from ledger.errors import Unavailable, UsageError
from ledger.formats.cid import Cid
from ledger.http import addresses
from ledger.http.outgoing import Outgoing
from ledger.http.road import Road
from ledger.http.trouble import Trouble
from ledger.party.gateway import EVERYWHERE
from ledger.store import Blocks, Buffer

SECONDS = 5.0
PROPOSAL = (
    "set [gateway] public_url in node.toml to an address by which others reach this machine; or, if there is none, "
    "[store] reachable = false: then the node announces nothing, and pushes its updates to members that can be dialled"
)


class _Nothing(Blocks):
    name = "nothing"

    def copy(self, cid: Cid) -> Buffer:
        raise Unavailable("nothing is served yet", block=cid)


def advice(settings: HomeSettings, chain: int) -> str:
    """What to change where nobody could dial the gateway that this home would announce; empty where all seems well.

    Dials the announced address once, with a gateway that serves nothing behind it. On the local chain everyone is on
    this machine, and nothing is dialled without a public URL.
    """
    gateway = settings.gateway
    if not settings.store.reachable or (chain == LOCAL_CHAIN and not gateway.public_url):
        return ""
    if not gateway.public_url and (gateway.host in EVERYWHERE or _loopback(gateway.host)):
        return f"others cannot dial a gateway at {gateway.host or 'no address'}: {PROPOSAL}"
    if gateway.public_url and not _answers(settings):
        return f"nothing answers at {gateway.public_url}, as far as it can be dialled from here: {PROPOSAL}"
    return ""


def _answers(settings: HomeSettings) -> bool:
    from ledger.store.gateway_server import serve

    server = None
    with suppress(Unavailable):  # the port is taken: by this home's own node, it may be
        server = serve(_Nothing(), settings.gateway.host, settings.gateway.port)
    try:
        road = Road("the own gateway", addresses.gateway(settings.gateway.public_url), Outgoing(settings.http))
        try:
            return road.ask("GET", "/health", silence=SECONDS, whole=SECONDS, ceiling=1000).status == 200
        finally:
            road.close()
    except (Trouble, UsageError):
        return False
    finally:
        if server is not None:
            server.close()


def _loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
