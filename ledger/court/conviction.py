"""Conviction files, `conviction/1` (docs/spec/conviction.md): a refutation, and what its culprits signed.

Checked with no node and no store: what is signed, what is claimed, and what follows. One encoding, RLP.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ledger.chain import rlp
from ledger.chain.evidence.statement import statements
from ledger.court.calldata import read_calls, require_one_encoding
from ledger.court.judge import CourtJudgement, judge
from ledger.court.refutation import Accused
from ledger.errors import Malformed
from ledger.events.evidence import SignedStatement
from ledger.events.records import ModelTerms
from ledger.events.rounds import Form
from ledger.formats.claims import RoundName, UpdateOpening, commitment
from ledger.formats.digest import checksum_address

FORMAT = b"conviction/1"
MAX_SIZE = 1 << 20
"""Bytes of a file, at most: one of ten updates has some 26,000."""
_ADDRESS, _OPENING = 20, 48


class SignedCall(NamedTuple):
    """A signed transaction, and the key (EIP-55) that signed it: from a bent signature another one would follow.

    `opening` opens a party's commitment, beside weight and root: the CID's digest and the salt; else it is empty.
    """

    key: str
    raw: bytes
    opening: bytes = b""


class ConvictionFile(NamedTuple):
    """What a file holds. `calls` are the calldata that AggregateCourt takes, in order.

    `proposal` is the job's, `publication` the aggregate's; `attestations` are of members that agreed, by ascending key;
    `commitments` has one for each opened update, in the order of the openings, None where it is not shown.
    """

    calls: tuple[bytes, ...]
    proposal: SignedCall
    publication: SignedCall
    attestations: tuple[SignedCall, ...]
    commitments: tuple[SignedCall | None, ...]

    def encode(self) -> bytes:
        """The file. Raises Malformed where it is too large."""
        agreed, shown = ([_item(one) for one in calls] for calls in (self.attestations, self.commitments))
        calls, proposal, publication = list[rlp.Item](self.calls), _item(self.proposal), _item(self.publication)
        data = rlp.encode([FORMAT, calls, proposal, publication, agreed, shown])
        if len(data) > MAX_SIZE:
            raise Malformed("the conviction file is too large", maximum=MAX_SIZE, actual=len(data))
        return data


class Proved(NamedTuple):
    """What a file proves: which claim of which round is false in what, and who signed it.

    `terms` are those that `proposer` signed, `parties` the keys whose commitments are shown, in the order of openings.
    """

    round: RoundName
    terms: ModelTerms
    accused: Accused
    judgement: CourtJudgement
    aggregator: str
    attesters: tuple[str, ...]
    proposer: str
    parties: tuple[str, ...]


def parse(data: bytes) -> ConvictionFile:
    """Read a file; what it says may be false. Raises Malformed for any but the one encoding."""
    if len(data) > MAX_SIZE:
        raise Malformed("the conviction file is too large", maximum=MAX_SIZE, actual=len(data))
    try:
        format_, *parts = _list(rlp.decode(data))
        if format_ != FORMAT:
            raise Malformed("this is not a conviction file", expected=FORMAT.decode())
        calls, proposal, publication, agreed, shown = parts
        return ConvictionFile(
            tuple(map(_bytes, _list(calls))),
            _signed(proposal, 0),
            _signed(publication, 0),
            tuple(_signed(one, 0) for one in _list(agreed)),
            tuple(None if one == [] else _signed(one, _OPENING) for one in _list(shown)),
        )
    except ValueError as error:
        raise Malformed(f"this is not a conviction file: {error}") from error


def check(file: ConvictionFile) -> Proved:
    """Hold a file against itself.

    1. Every transaction is signed by the key beside it.
    2. The publication is a signed `publishAggregate` of the refutation's job and round, and says the same aggregate
       and, of the same openings, the same claim.
    3. The proposal is a signed `proposeJob` of the document that the claim names; its model's terms are those that the
       refutation is judged by.
    4. Each attestation is a signed `attest` of that round that agrees with the claim; ascending by key, each once.
    5. Each commitment that is shown is the signed `commitUpdate` of that round that the opened update opens; no party
       has two.
    6. The refutation, in the ABI's one encoding, convicts, as the court judges (`ledger.court.judge`).

    Raises Malformed.
    """
    published = _one(file.publication, "publishAggregate", "the publication")
    proposal = _one(file.proposal, "proposeJob", "the proposal")
    terms = _terms(proposal)
    require_one_encoding(file.calls)
    accused, point = read_calls(file.calls, published.chain, published.contract, terms.values)
    name = RoundName(published.chain, published.contract, accused.job, accused.round)
    said = {key: _plain(value) for key, value in accused.said._asdict().items()}
    claim = accused.claim(name).hex()
    _require(published, {"job": name.job, "round": name.round, "aggregate": said, "claim": claim}, "the publication")
    _require_place(proposal, name, "the proposal")
    _require(proposal, {"digest": accused.document.hex()}, "the proposal")
    judgement = judge(terms, name, accused, point)
    attesters = [_attester(one, name, judgement.claim) for one in file.attestations]
    if attesters != sorted(set(attesters), key=str.lower):
        raise Malformed("attestations are not ascending by key, each once")
    parties = _parties(file.commitments, name, accused)
    signed = (published.signer, tuple(attesters), proposal.signer, parties)
    return Proved(name, terms, accused, judgement, *signed)


def _one(call: SignedCall, function: str, what: str) -> SignedStatement:
    """The one statement in a transaction. Raises Malformed where it is not a call of that function, or another's."""
    found = statements(call.raw)[0]
    if found.statement != function:
        raise Malformed(f"{what} calls another function", expected=function, actual=found.statement)
    if found.signer != call.key:
        raise Malformed(f"{what} is not signed by the key beside it", expected=call.key, actual=found.signer)
    return found


def _require(found: SignedStatement, said: dict[str, Any], what: str) -> None:
    for name, value in said.items():
        if found.arguments.get(name) != value:
            raise Malformed(f"{what} has another {name} than the refutation")


def _require_place(found: SignedStatement, name: RoundName, what: str) -> None:
    if (found.chain, found.contract) != (name.chain, name.ledger):
        raise Malformed(
            f"{what} is of another ledger", expected=f"{name.ledger} on {name.chain}",
            actual=f"{found.contract} on {found.chain}",
        )  # fmt: skip


def _terms(proposal: SignedStatement) -> ModelTerms:
    said = proposal.arguments["model"]
    return ModelTerms(**(said | {"initial": bytes.fromhex(said["initial"])}))


def _attester(call: SignedCall, name: RoundName, claim: bytes) -> str:
    found = _one(call, "attest", "an attestation")
    _require_place(found, name, "an attestation")
    said = {"job": name.job, "round": name.round, "form": int(Form.AGREE), "claim": claim.hex()}
    _require(found, said, "an attestation")
    return found.signer


def _parties(shown: Sequence[SignedCall | None], name: RoundName, accused: Accused) -> tuple[str, ...]:
    entries = accused.entries
    if len(shown) != len(entries):
        raise Malformed("there is not one commitment for each opened update", expected=len(entries), actual=len(shown))
    parties = []
    for entry, one in zip(entries, shown, strict=True):
        if one is None:
            continue
        found = _one(one, "commitUpdate", "a commitment")
        _require_place(found, name, "a commitment")
        opening = UpdateOpening(found.signer, entry.weight, entry.root, one.opening[:32], one.opening[32:])
        _require(found, {"job": name.job, "round": name.round, "commitment": entry.commitment.hex()}, "a commitment")
        if commitment(name, opening) != entry.commitment:
            raise Malformed("a commitment is to another update than the one opened", actual=found.signer)
        parties.append(found.signer)
    if len(set(parties)) != len(parties):
        raise Malformed("a party has two commitments")
    return tuple(parties)


def _item(call: SignedCall | None) -> rlp.Item:
    if call is None:
        return []
    return [bytes.fromhex(call.key[2:]), call.raw, *([call.opening] if call.opening else [])]


def _signed(item: rlp.Item, opening: int) -> SignedCall:
    """A signed transaction with its key, and so many bytes of an opening."""
    key, raw, *rest = map(_bytes, _list(item))
    if len(key) != _ADDRESS or not raw or [len(one) for one in rest] != [opening] * bool(opening):
        raise ValueError("a signed call is not its key, its transaction and what opens it")
    return SignedCall(checksum_address(key), raw, *rest)


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _list(item: rlp.Item) -> list[rlp.Item]:
    if isinstance(item, bytes):
        raise ValueError("a list is missing")
    return item


def _bytes(item: rlp.Item) -> bytes:
    if not isinstance(item, bytes):
        raise ValueError("a byte string is missing")
    return item
