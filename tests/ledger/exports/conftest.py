"""A council whose model is released, and its exports, written once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.consortia.voters import Council
from support.exports import releasing, written


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    """See `releasing`. For every file's tests: nothing is revoked in it."""
    with releasing(tmp_path_factory.mktemp("council")) as made:
        yield made


@pytest.fixture(scope="session")
def exports(released: Council, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the first member says of it; tests that change something do so in a copy."""
    return written(released, 0, tmp_path_factory.mktemp("exports") / "cardio")


@pytest.fixture
def visitor(released: Council, tmp_path: Path) -> tuple[str, ...]:
    """Anyone with the network file, and a cache of its own."""
    return ("--network", str(released.local.network_file), "--home", str(tmp_path / "visitor"))
