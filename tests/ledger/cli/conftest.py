"""One council for each file of tests."""

from collections.abc import Iterator

import pytest
from support.consortia.voters import Council, council


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    with council(tmp_path_factory.mktemp("council") / "houses") as made:
        yield made
