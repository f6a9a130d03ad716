"""A lie as it is told, and what must hold of every audit that meets it (docs/spec/audit.md)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from support.lies.served import Served, audit
from support.worlds.chain import ADDRESSES, CHAIN
from support.worlds.world import NAMES

from ledger.audit.report import Answer, LieState, Report
from ledger.chain.evidence.check import check
from ledger.errors import FedledgerError, Malformed
from ledger.events import records as r

EXITS = {0, 1, 3}


@dataclass(frozen=True)
class Told:
    """A lie: what happened (`truth`), what an auditor is served, and who made the two differ from honest ones.

    `liars` are members by name; whoever runs the server is none. `false` are the claims that are not right, `listed`
    the lies that the report must show, by who said it. `majority`: the liars are so many that what they sign is taken
    as the history. `branch` is what happened on another branch of the chain, signed by the same members; `disputed`:
    another endpoint has another last block. `right` is the answer that must come of it, where there is only one.
    """

    truth: Served
    served: Served
    liars: frozenset[str] = frozenset()
    false: frozenset[str] = frozenset()
    listed: Mapping[str, LieState] = field(default_factory=dict)
    majority: bool = False
    branch: Served | None = None
    disputed: bool = False
    right: Answer | None = None


class Violation(AssertionError):
    """A property of the audit does not hold; the text says which."""


def judge(told: Told) -> Report | None:
    """Audit what is served, and hold the report against every property; None where the command refuses.

    Raises Violation.
    """
    try:
        report = audit(told.served, disputed=told.disputed)
    except Malformed as error:
        raise Violation(f"f: it ends with {error.exit_code}: {error}") from error
    except FedledgerError as error:
        _require(error.exit_code in EXITS, f"f: it ends with {error.exit_code}: {error}")
        return None
    _require(report.exit in EXITS, f"f: exit {report.exit}")
    _only_liars_are_named(report, told)
    _nothing_right_is_denied(report, told)
    _what_is_signed_is_true(report, told)
    _lies_are_listed(report, told)
    _require(told.right in (None, report.right.answer), f"b: it is {report.right.answer}, not {told.right}")
    return report


def _only_liars_are_named(report: Report, told: Told) -> None:
    """(a) Culprits, by name and key, and names in the reasons of false claims, are liars'."""
    for lie in report.lies.list:
        _require(lie.who in told.liars, f"a: {lie.who} is said to lie: {lie.said}: {lie.why}")
        _require(lie.key == lie.evidence.signer, f"a: {lie.who} lied under {lie.key}, not {lie.evidence.signer}")
    for claim in report.right.claims:
        if claim.answer == "no" and claim.claim not in told.false:
            names = {name for name in NAMES if f"{name} (" in str(claim.why)} - told.liars
            _require(not names, f"a: {sorted(names)} in {claim.claim}: {claim.why}")


def _nothing_right_is_denied(report: Report, told: Told) -> None:
    """(b) What is right is never `no`."""
    for claim in report.right.claims:
        _require(claim.answer != "no" or claim.claim in told.false, f"b: {claim.claim} is right, not: {claim.why}")


def _what_is_signed_is_true(report: Report, told: Told) -> None:
    """(c) `yes` means that all that happened up to the last signed block, and each final model, is the truth."""
    if report.right.answer != "yes" or told.majority:
        return
    for claim in report.right.claims:
        _require(claim.claim not in told.false, f"c: {claim.claim} is false, and said to be right")
    signed = report.history.signed
    block = signed.as_of if signed else -1
    shown = _up_to(told.served.events, block)
    truths = [one for one in (told.truth, told.branch) if one is not None and _up_to(one.events, block) == shown]
    _require(bool(truths), f"c: the history up to block {block} is not the true one")
    anchors = {"0x" + one.hashes(block).hex() for one in truths} if signed else {""}
    _require((signed.anchor if signed else "") in anchors, f"c: block {block} is another")
    models = _models(told.served)
    _require(any(models <= _models(one) for one in truths), "c: a model is final that is not in truth")
    if told.served is not told.truth and told.served.files is told.truth.files and told.branch is None:
        lies = _lies(audit(told.truth), told.truth, block)
        _require(_lies(report, told.served, block) == lies, f"c: other lies up to block {block}: not {lies}")


def _lies_are_listed(report: Report, told: Told) -> None:
    """(e) What must be listed is, and all evidence holds by itself."""
    states = {(lie.who, lie.state) for lie in report.lies.list}
    for who, state in told.listed.items():
        _require((who, state) in states, f"e: the {state} lie of {who} is not listed: {sorted(states)}")
    for lie in report.lies.list:
        check(lie.evidence, ADDRESSES, CHAIN)
    for statement in report.rests_on:
        check(statement, ADDRESSES, CHAIN)


def _up_to(events: Iterable[r.Event], block: int) -> list[bytes]:
    """What the log says up to a block, in order: every word of it is in a leaf."""
    return [event.leaf for event in events if event.block <= block]


def _lies(report: Report, served: Served, block: int) -> set[tuple[str, str, str]]:
    """Who is shown to have lied up to a block, and what it said."""
    blocks = {event.tx.hex(): event.block for event in served.events}
    return {(lie.key, lie.said, lie.why) for lie in report.lies.list if blocks[str(lie.tx)] <= block}


def _models(served: Served) -> set[tuple[int, int, bytes]]:
    """The final models: job, round, tensor root."""
    jobs = served.history().jobs.items()
    rounds = [(job, number, round_.final) for job, state in jobs for number, round_ in state.rounds.items()]
    return {(job, number, final.root) for job, number, final in rounds if final is not None}


def _require(held: bool, otherwise: str) -> None:
    if not held:
        raise Violation(otherwise)
