"""The three answers, from what the checks found: what is right, who lied, what is open. Pure."""

from collections.abc import Mapping

from ledger.audit.claims import StandingClaim
from ledger.audit.found import Found
from ledger.audit.question import Question, in_question, with_asked
from ledger.audit.report import (
    OPTIONAL,
    Answer,
    Check,
    ClaimAnswer,
    Lies,
    LieState,
    OpenMatters,
    Right,
)
from ledger.history.fold import History

WORST: dict[Answer, int] = {"yes": 0, "unknown": 1, "no": 2}
_STATES: tuple[LieState, ...] = ("caught", "pending", "standing")


def is_right(found: Found, question: Question, history: History, claims: dict[str, StandingClaim]) -> Right:
    """Whether the claims in question are right. Caught lies never count; what was not looked at is never `yes`.

    A claim that rests on a false one is false, one that rests on an unknown one unknown; a history that is not to be
    believed makes all of its claims unknown.
    """
    claims = with_asked(claims, question, history)
    names = in_question(question, history, claims, found.lies)
    reasons = _Reasons(found)
    answers: dict[str, ClaimAnswer] = {}
    for name in names:
        answers[name] = _answer(claims.get(name) or StandingClaim(name), reasons, answers, set(names))
    worst: Answer = max((one.answer for one in answers.values()), key=WORST.__getitem__, default="yes")
    if reasons.unmade and worst == "yes":
        worst = "unknown"
    return Right(worst, tuple(answers.values()))


def who_lied(found: Found) -> Lies:
    """Every lie that was found, the standing ones first."""
    lies = sorted(found.lies, key=lambda lie: -_STATES.index(lie.state))
    return Lies(lies[0].state if lies else "none", tuple(lies))


def what_is_open(found: Found) -> OpenMatters:
    """What could not be looked at, or is owed."""
    return OpenMatters("something" if found.open else "nothing", tuple(found.open))


class _Reasons:
    """Why a claim is false, or unknown, for itself."""

    def __init__(self, found: Found) -> None:
        self.false: dict[str, str] = dict(found.denied)
        for lie in found.lies:
            for name in lie.touches:
                self.false.setdefault(name, lie.why)
        self.unsure: dict[str, str] = {name: one.why for one in reversed(found.open) for name in one.touches}
        self.looked_at, self.doubted = found.looked_at, found.doubted
        self.unmade = sorted(set(Check) - OPTIONAL - found.passed.keys())

    def of(self, claim: StandingClaim) -> tuple[Answer, str | None]:
        """The answer of a claim if all that it rests on is right, and why it is not `yes`."""
        if self.doubted & {None, claim.job}:
            return "unknown", "the history that was read is not to be believed"
        if claim.name in self.false:
            return "no", self.false[claim.name]
        if claim.name in self.unsure:
            return "unknown", self.unsure[claim.name]
        if self.unmade:
            return "unknown", f"not checked: {self.unmade[0].title}"
        if not claim.given and claim.name not in self.looked_at:
            return "unknown", "it was not looked at"
        return "yes", None


def _answer(claim: StandingClaim, reasons: _Reasons, known: Mapping[str, ClaimAnswer], asked: set[str]) -> ClaimAnswer:
    own, why = reasons.of(claim)
    below = [known[name] for name in claim.rests_on if name in known]
    worst = max(below, key=lambda one: WORST[one.answer], default=None)
    answer = own
    if worst is not None and WORST[worst.answer] > WORST[own]:
        answer, why = worst.answer, why or f"it rests on {worst.claim}"
    relative = answer != own or any(name not in asked for name in claim.rests_on)
    return ClaimAnswer(
        claim=claim.name,
        answer=answer,
        rests_on=claim.rests_on,
        given_base=own if relative and own == "yes" else None,
        why=why,
        note=claim.note,
    )
