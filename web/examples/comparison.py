"""What is set beside each other: weights by round, and a release beside the model that it is of."""

from web.documents.comparison import (
    ComparedSide,
    ComparePage,
    FigureChange,
    SideFigures,
    WeightsPage,
)
from web.documents.norms import RoundNorms, RoundWeights, UpdateNorm, WeightPart
from web.examples.consortium import CHAIN, NORTH, ROOT
from web.examples.decisions import COUNTS, EVALUATED, EVALUATION, FIGURES, RELEASE
from web.examples.rounds import JOB

ROUND_WEIGHTS = RoundWeights(round=1, parts=(WeightPart(index=0, weight=120, share=1_000_000),))

NORMS = RoundNorms(
    round=1, auditor=None, party=None, parts=(UpdateNorm(index=0, norm="1414213.562", squares="2000000000000"),)
)

WEIGHTS = WeightsPage(
    chain=CHAIN,
    job=JOB,
    factors=False,
    max_norm=2_097_152,
    parties=(NORTH,),
    rounds=(ROUND_WEIGHTS,),
    norms=(NORMS,),
    next=None,
)

_A, _B = (
    ComparedSide(
        asked=asked,
        job=1,
        round=1,
        root=ROOT,
        release=release,
        digest=EVALUATION.digest.hex(),
        named_by="release",
        samples=114,
        mean=FIGURES,
        pooled=EVALUATED.pooled,
        counts=COUNTS,
        parties=(
            SideFigures(party="North", key=NORTH.key, member=True, samples=114, rows="own file", metrics=FIGURES),
        ),
        weights=ROUND_WEIGHTS,
    )
    for asked, release in (("cardio@1.0", RELEASE), ("1/1", None))
)

COMPARED = ComparePage(
    chain=CHAIN,
    a=_A,
    b=_B,
    same_rows=True,
    differences=(
        FigureChange(
            of="mean", party="", member=True, metric="accuracy", a="0.982456", b="0.982456", change="0.000000"
        ),
        FigureChange(
            of="party", party="North", member=True, metric="accuracy", a="0.982456", b="0.982456", change="0.000000"
        ),
    ),
    choices=("cardio@1.0", "1/1"),
)
