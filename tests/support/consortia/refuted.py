"""A lie that an aggregator publishes and a majority agrees to, on a real chain; one member did not."""

from collections.abc import Callable
from typing import Any

import numpy as np
from support.consortia.synthetic import Trial

from ledger.chain.calldata import call_data
from ledger.chain.reverts import rejected
from ledger.chain.rpc import RpcError
from ledger.court.calldata import refute_call
from ledger.court.refutation import Accused, Point
from ledger.formats.merkle import root_of
from ledger.history.state import Aggregate

Alter = Callable[[np.ndarray], None]


def begin(trial: Trial, opener: int = 0) -> None:
    """A round with everybody's honest update, open and held."""
    trial.consortium.send(opener, "ledger", "openRound", trial.number)
    trial.submit()
    for party in trial.parties:
        party.vouch()


def publish_false(trial: Trial, alter: Alter, member: int = 0, **lies: Any) -> Aggregate:
    """Publish the round's model with its values altered, its file stored; the aggregate."""
    party = trial.parties[member]
    kept = list[bytes]()

    def keep(pieces: Any) -> Any:
        kept.append(b"".join(bytes(piece) for piece in pieces))
        return party.connection.put(kept, "own")

    party.recompute(keep=keep)
    values = np.frombuffer(kept[0], "<i4", offset=trial.layout.header_size).copy()
    alter(values)
    return publish_values(trial, values, member, **lies)


def publish_values(trial: Trial, values: np.ndarray, member: int = 0, **lies: Any) -> Aggregate:
    """Publish just these values as the round's model, its file stored; the aggregate."""
    party, body = trial.parties[member], values.astype("<i4").tobytes()
    facts = party.facts
    cid = party.connection.put([trial.layout.header(facts.binding), body], f"lie/{facts.round.number}")
    party.publish(**{"root": root_of(body), "cid": cid.digest} | lies)
    return trial.round.aggregates[-1]


def agree(trial: Trial, *members: int) -> None:
    """Members that agree to whatever was published."""
    for member in members:
        trial.parties[member].attest(trial.round.aggregates[-1].claim)


def verdict_of_the_court(trial: Trial, accused: Accused, point: Point) -> str:
    """What the contract says of a refutation, without its being sent: "" where it convicts, else its error."""
    call, client = refute_call(accused, point), trial.consortium.client
    data = call_data("court", call.function, *call.arguments)
    try:
        client.rpc.call("eth_call", {"to": client.addresses["court"], "data": data}, "latest")
    except RpcError as error:
        return str(rejected(error.data).facts["error"])
    return ""
