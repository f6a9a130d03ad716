"""Conviction blocks: the calldata of refutations, judged as the court does (docs/spec/bundle.md, "Convictions")."""

from collections.abc import Set
from typing import NamedTuple

from ledger.bundle.calls import functions
from ledger.bundle.file import BundleFile
from ledger.bundle.findings import BundleFinding, BundleFindings, FindingPlace, found
from ledger.bundle.form import Manifest
from ledger.bundle.replay.state import Ledger
from ledger.chain.calldata import call_data
from ledger.chain.evidence.arguments import SELECTOR
from ledger.court.calldata import read_calls, refute_call
from ledger.court.conviction import check, parse
from ledger.court.judge import CourtJudgement, judge
from ledger.errors import FedledgerError, Malformed
from ledger.events.court import Ground
from ledger.formats.claims import RoundName
from ledger.history.state import Aggregate

_CODES = {Ground.VALUE: "VALUE", Ground.LIMIT: "LIMIT", Ground.WEIGHT: "WEIGHT", Ground.TOO_FEW: "TOO_FEW"}


class ReplayedJobs(NamedTuple):
    """What the transactions lead to; `by_value` are the jobs that the court judges by their documents, of which those
    say what the ledger says.
    """

    ledger: Ledger
    by_value: Set[int]


class _Convicted(NamedTuple):
    round: int
    attempt: Aggregate
    judgement: CourtJudgement


def block_of(file: bytes) -> bytes:
    """The block of a conviction file, or of the calldata of a refutation: what is judged of either.

    Of a file with several calls it is the one `refute` that has the records of all: no transaction has room for it, and
    readers judge it as any other. Raises Malformed for any other file, and for one of several calls that proves
    nothing.
    """
    if file[:SELECTOR] in (selector for selector, one in functions().items() if one.name == "refute"):
        return file
    parsed = parse(file)
    if len(parsed.calls) == 1:
        return parsed.calls[0]
    proved = check(parsed)
    call = refute_call(proved.accused, proved.judgement.point)
    return bytes.fromhex(call_data("court", call.function, *call.arguments)[2:])


def judge_convictions(file: BundleFile, manifest: Manifest, jobs: ReplayedJobs, findings: BundleFindings) -> int:
    """Judge each conviction block; how many convict."""
    count = 0
    for place, digest in enumerate(manifest.convictions):
        try:
            convicted = _judged(file.block(digest), manifest, jobs)
        except FedledgerError:
            findings.add(found("CONVICTION", "FALSE", FindingPlace(manifest.scope.job), place))
            continue
        count += 1
        findings.add(_found(convicted, manifest.scope.job, jobs.ledger))
    return count


def _judged(block: bytes, manifest: Manifest, jobs: ReplayedJobs) -> _Convicted:
    """Raises FedledgerError where the block convicts nobody."""
    state = jobs.ledger.jobs.by_number.get(manifest.scope.job)
    if state is None or state.number not in jobs.by_value:
        raise Malformed("the scope's job is not one of a document, by whose terms the court judges")
    on = manifest.addresses["ledger"]
    accused, point = read_calls([block], manifest.chain, on, state.model.values)
    name = RoundName(manifest.chain, on, manifest.scope.job, accused.round)
    judgement = judge(state.model, name, accused, point)
    round_ = state.rounds.get(accused.round)
    attempts = [one for one in round_.aggregates if one.claim == judgement.claim] if round_ else []
    if not attempts or accused.before != state.built_on(accused.round):
        raise Malformed("no attempt of the round has this claim")
    return _Convicted(accused.round, attempts[-1], judgement)


def _found(convicted: _Convicted, job: int, ledger: Ledger) -> BundleFinding:
    attempt, (_, point, expected, actual) = convicted.attempt, convicted.judgement
    place = FindingPlace(job, convicted.round, attempt.attempt)
    signers = [attempt.aggregator, *(one.member for one in attempt.attestations if one.agrees)]
    check = "CONVICTION" if ledger.stands(place) else "CAUGHT"
    value = point.member if point.ground is Ground.WEIGHT else point.value
    return found(check, _CODES[point.ground], place, value, signers, expected, actual)
