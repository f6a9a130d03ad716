"""An analysis, as a response shows it."""

from web.documents.statistics import BinDocument, ClassDocument, ColumnDocument, StatisticsDocument
from web.examples.consortium import NORTH, SOUTH

STATISTICS = StatisticsDocument(
    asked="counts, means and variances of age",
    by="",
    min_cell=5,
    min_rows=10,
    noise=None,
    answers=(NORTH, SOUTH),
    classes=(
        ClassDocument(
            name="",
            rows=303,
            columns=(
                ColumnDocument(
                    name="age",
                    numeric=True,
                    rows=303,
                    missing=0,
                    outside=0,
                    withheld=7,
                    mean="54.4389",
                    std="9.03866",
                    bins=(
                        BinDocument(name=None, low="20", high="60", rows=217),
                        BinDocument(name=None, low="60", high="100", rows=79),
                    ),
                ),
            ),
            correlated=(),
            correlated_rows=0,
            correlations=(),
        ),
    ),
    troubles=(),
)
