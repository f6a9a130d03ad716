"""One council for each file of tests, which releases as it goes."""

from collections.abc import Iterator

import pytest
from support.consortia.predicted import predicting_council
from support.consortia.voters import Council


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    with predicting_council(tmp_path_factory.mktemp("council") / "houses") as made:
        yield made
