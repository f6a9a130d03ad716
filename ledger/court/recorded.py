"""A conviction on the ledger, judged again from the transaction that brought it."""

from collections.abc import Callable, Mapping

from ledger.chain.build import ContractName
from ledger.chain.evidence.fetch import raw_transaction
from ledger.chain.evidence.transaction import Transaction, read
from ledger.chain.rpc import Rpc
from ledger.court.calldata import read_calls
from ledger.court.judge import CourtJudgement, judge
from ledger.court.refutation import Accused, Point, place_of
from ledger.court.search import accused_of, point_of
from ledger.errors import Malformed
from ledger.events.court import Convicted, Ground
from ledger.events.evidence import Unproven
from ledger.formats.claims import RoundName
from ledger.history.state import Aggregate, JobState, ShowCall
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch

Retry = Callable[[JobState, Convicted], None]
Raw = Callable[[bytes], bytes]
"""A transaction by its hash, as it was signed. Raises Unproven."""
BESIDE = 2
"""Records of a refutation beside those of updates: the model's and the base's."""


def retrial(rpc: Rpc, chain: int, addresses: Mapping[ContractName, str]) -> Retry:
    """Judges convictions again from what a node shows of their transactions: see `require_same`."""

    def retry(state: JobState, said: Convicted) -> None:
        name = RoundName(chain, addresses["ledger"], said.job, said.round)
        require_same(state, said, name, addresses["court"], lambda tx: raw_transaction(rpc, tx))

    return retry


def require_same(state: JobState, said: Convicted, name: RoundName, court: str, raw: Raw) -> None:
    """Hold a conviction against the raw transactions that it came from: its own, and those in which its sender showed
    the first updates before.

    Raises Unproven where one shows not all that was said: it went through another contract; also where the chain takes
    its form, and this reader does not: another type of transaction. The sender chooses the form, so that accuses no
    node. Raises Malformed where it does not convict, or convicts of something else.
    """
    calls = [_direct(raw(said.tx), said.caller, name, court)]
    accused, point = read_calls(calls, name.chain, name.ledger, state.model.values)
    shows = [_direct(raw(one.tx), said.caller, name, court) for one in _shows(state, said, accused, point)]
    if shows:
        accused, point = read_calls([*shows, *calls], name.chain, name.ledger, state.model.values)
    _require_made(judge(state.model, name, accused, point), accused, said)


def require_from_bytes(facts: RoundFacts, aggregate: Aggregate, said: Convicted, fetch: Fetch, threads: int) -> None:
    """Hold a conviction against the round's own bytes: nothing that its sender chose counts.

    Raises Unavailable where bytes cannot be had, or lead to other roots, of which nobody else can show a leaf;
    Malformed as `require_same`.
    """
    accused, point = accused_of(facts, aggregate), point_of(facts, aggregate, fetch, said, threads)
    _require_made(judge(facts.state.model, facts.name, accused, point), accused, said)


def _require_made(made: CourtJudgement, accused: Accused, said: Convicted) -> None:
    point = made.point
    expected = (made.claim, accused.before, point.ground, point.member, point.value, made.expected, made.actual)
    actual = (said.claim, said.before, said.ground, said.member, said.value, said.expected, said.actual)
    if expected != actual:
        raise Malformed(
            "the refutation convicts of something else than the event says", expected=expected, actual=actual
        )


def _call(raw: bytes) -> Transaction:
    try:
        return read(raw)
    except Malformed as error:
        raise Unproven(f"the refutation's transaction is of a form that is not read here: {error.message}") from error


def _direct(raw: bytes, caller: str, name: RoundName, court: str) -> bytes:
    """The calldata of a transaction of that key to the court."""
    call = _call(raw)
    if call.chain != name.chain:
        raise Malformed("the refutation is of another chain", expected=name.chain, actual=call.chain)
    if (call.to, call.signer) != (court, caller):
        raise Unproven("the refutation came through another contract, whose call shows nothing of it", actual=call.to)
    return call.data


def _shows(state: JobState, said: Convicted, accused: Accused, point: Point) -> tuple[ShowCall, ...]:
    """The calls in which the updates were shown whose records are not in the refutation. Raises Malformed where the log
    has others: the court counts them, and would not have convicted."""
    if point.ground is not Ground.VALUE:
        return ()
    size = place_of(point.value, state.model.values).size
    missing = max(0, len(accused.admitted) + BESIDE - len(point.proof) // size)
    known = (shows for _, found, shows in state.convictions if found == said)
    shows = tuple(one for one in next(known, ()) if (one.low, one.high) == (point.low, point.high))
    shown = shows[-1].shown if shows else 0
    if shown != missing:
        raise Malformed("other updates were shown to the court before than are missing", expected=missing, actual=shown)
    return shows
