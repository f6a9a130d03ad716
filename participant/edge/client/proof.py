"""Whether an edge kept its word: a client's receipt held against the list of those whose updates are in the sum."""

from dataclasses import dataclass
from pathlib import Path

from ledger.config import Home
from ledger.errors import UsageError
from ledger.formats.edges.children import parse as parse_children
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.http.outgoing import Outgoing
from ledger.rounds.edges.receipts import ReceiptAnswer, answer, judge_receipt
from participant.edge.client.home import ClientHome
from participant.edge.client.road import EdgeRoad
from participant.edge.client.start import looked, require_client
from participant.edge.shown import facts_of


@dataclass(frozen=True, slots=True)
class ReceiptShown:
    """What came out: `kept` is kept, broken or open; `checked` against the ledger or the edge's own list; `document` is
    the proof of inclusion, or else the receipt.
    """

    kept: str
    checked: str
    text: str
    document: bytes


def prove(home: Home, url: str, job: int, round_: int, network_file: Path | None, rpc: str | None) -> ReceiptShown:
    """Hold the receipt of a round against its sum.

    Raises UsageError where this home has no receipt of the round, Refuted where the receipt is not its edge's,
    Unavailable where list or ledger cannot be read.
    """
    require_client(home)
    receipt = ClientHome(home).round(job, round_).receipt()
    if receipt is None:
        raise UsageError(
            "this home has no receipt of the round",
            advice="client.jsonl in the home says in which rounds this client took part",
            job=job,
            round=round_,
            home=str(home.folder),
        )
    with looked(home, network_file, rpc) as ledger:
        if ledger is not None:
            found, checked = judge_receipt(receipt, *facts_of(ledger.connection, job, round_)), "ledger"
        else:
            road = EdgeRoad(url, Outgoing(home.http()))
            found, checked = answer(receipt.child, parse_children(road.children(job, round_))), "edge"
    return _shown(found, checked, receipt)


def _shown(found: ReceiptAnswer, checked: str, receipt: EdgeReceipt) -> ReceiptShown:
    kept = found.kept.value
    where = "as the ledger has it" if checked == "ledger" else "as the edge shows it now: not held against the ledger"
    text = f"job {receipt.job}, round {receipt.round}: {found.why} ({where})"
    if kept == "broken" and checked == "ledger":
        text += f"; the receipt convicts edge {receipt.edge}: fedledger audit --edge-receipt FILE shows it to anyone"
    elif kept == "broken":
        text += "; hold it against the ledger before you blame anybody: --network NETWORK.toml"
    document = found.proof.encode() if found.proof is not None else receipt.encode()
    return ReceiptShown(kept, checked, text, document)
