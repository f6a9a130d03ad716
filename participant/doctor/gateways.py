"""Who can be dialled: the own gateway from here, and the others' gateways, so that their members learn it too.

Nobody can tell from here whether others reach this home: ask a member to run `fedledger doctor`, which dials it.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

from ledger.config import Home
from ledger.errors import UsageError
from ledger.http.answers import Answer
from ledger.http.trouble import Trouble
from ledger.keys import address_of
from ledger.party.connection import Connection
from ledger.party.named_gateways import NamedGateway, ask_health, named_gateways
from ledger.party.posts import is_held
from ledger.party.reach import SECONDS
from ledger.party.reach import advice as reach_advice
from participant.doctor.findings import Examination, Observation, note, trouble, unknown, well

AT_ONCE = 8
APART = 30.0
"""Seconds by which another machine's clock may differ."""


def own(home: Home, connection: Connection) -> Examination:
    """Whether others could dial the gateway that the home would announce, as far as that shows from here."""
    settings = home.settings()
    why = reach_advice(settings, connection.network.chain.id)
    said, _, change = why.partition(": ")
    if why:
        yield trouble("own gateway", said, change)
    elif not settings.store.reachable:
        yield note("own gateway", "none: the node pushes its files to members that can be dialled")
    elif not is_held(home.folder, "gateway"):
        yield note("own gateway", "nothing is served now", home.command("node", "run"))
    else:
        more = "to know whether others reach it, ask a member to run: fedledger doctor"
        yield well("own gateway", f"answers here, as far as this machine can tell; {more}")


def others(home: Home, connection: Connection) -> Examination:
    """Dial every other gateway that members announced or the network file names, once."""
    key, history = address_of(home.keystore), connection.history
    named = [one for one in named_gateways(connection.network, history.members.values()) if one.key != key]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as pool:
        found = list(pool.map(_dialled, named))
    yield from found
    silent = [one.name for one in history.members.values() if one.key != key and not one.gateway]
    if silent:
        yield note("gateways", f"none announced yet by {', '.join(silent)}", "ask them to start their nodes")


def _dialled(gateway: NamedGateway) -> Observation:
    name = f"gateway of {gateway.name}"
    try:
        answer = ask_health(gateway, SECONDS)
    except (Trouble, UsageError) as error:
        return unknown(name, error.message, f"tell {gateway.name} that {gateway.url} cannot be dialled from here")
    apart = _apart(answer)
    if apart is not None and abs(apart) > APART:
        said = f"its clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this machine's"
        return trouble(name, said, "find out whose clock is wrong, and let NTP keep it")
    return well(name, f"{gateway.url} answers")


def _apart(answer: Answer) -> float | None:
    """Seconds by which the answer's clock is ahead of this one; None where it tells no time."""
    try:
        return parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()
    except (KeyError, ValueError, TypeError):
        return None
