"""The scores of the example's round: two scorers revealed, the third withheld."""

from web.documents.common import PartyDocument
from web.documents.scores import (
    JobScores,
    Opening,
    RoundScoring,
    Score,
    ScoredRound,
    ScoredUpdate,
    ScorerDocument,
    ScoringLine,
    ScoringMethod,
    Standing,
    Sum,
)
from web.examples.consortium import dated, moment

_SEED, _ROOT, _DIGEST, _TX = "8a" * 32, "7f" * 32, "5b" * 32, "7a" * 32


def sums(party: PartyDocument) -> tuple[Sum, ...]:
    """North alone was scored."""
    return (Sum(party=party, score=12_345, rounds=1, factor=None, share=None),)


def made() -> ScoringMethod:
    return ScoringMethod(
        how="shapley of the accuracy on the scorers' private sets; "
        "300 s to commit, 300 s to reveal, at least 2 scorers",
        method="shapley",
        utility="accuracy",
        evidence="private_sets",
        samples=None,
        past_scores=False,
    )


def line() -> ScoringLine:
    return ScoringLine(
        round=1,
        phase="Settled",
        deadline=None,
        committed=3,
        revealed=2,
        scorers=3,
        quorum=2,
        withheld=(2,),
        refuted=False,
        scores=(
            Score(index=0, admitted=True, score=12_345, forfeited=False),
            Score(index=1, admitted=False, score=None, forfeited=False),
        ),
    )


def whole(north: PartyDocument, south: PartyDocument, west: PartyDocument) -> RoundScoring:
    revealed = {north: (12_345,), south: (13_000,)}
    return RoundScoring(
        job=1,
        round=1,
        unit="points",
        phase="Settled",
        deadline=None,
        scorers=3,
        quorum=2,
        root=_ROOT,
        refuted=False,
        ended=moment(40),
        opening=Opening(
            opener=north,
            epoch=1,
            seed=_SEED,
            commit_deadline=1_800_000_900,
            reveal_deadline=1_800_001_200,
            tx=_TX,
            **dated(34),
        ),
        updates=(ScoredUpdate(party=north, weight=120, score=12_345, forfeited=False),),
        parts=tuple(
            ScorerDocument(
                party=who,
                state="revealed" if who in revealed else "withheld",
                commitment=_DIGEST,
                committed_tx=_TX,
                committed=moment(35),
                scores=revealed.get(who, ()),
                salt=_SEED if who in revealed else None,
                revealed_tx=_TX if who in revealed else None,
                revealed=moment(38) if who in revealed else None,
            )
            for who in (north, south, west)
        ),
    )


def glance(party: PartyDocument) -> JobScores:
    return JobScores(unit="points", made=made(), parties=1, rounds=1, best=sums(party), running=None)


def standing(party: PartyDocument) -> Standing:
    latest = (ScoredRound(round=1, score=12_345, sum=12_345),)
    return Standing(unit="points", sum=sums(party)[0], place=1, parties=1, latest=latest)
