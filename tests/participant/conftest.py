"""Tests marked `node` need torch; without it they are skipped, saying so."""

from importlib.util import find_spec
from pathlib import Path

import pytest

NO_TORCH = pytest.mark.skip(reason='torch is not installed: pip install "fedledger[node]"')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_spec("torch") is None:
        for item in items:
            if item.get_closest_marker("node"):
                item.add_marker(NO_TORCH)


@pytest.fixture
def warm_trainers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainers that commands start in this process are forks of a server that has loaded torch, as those of a demo
    are; a fresh interpreter, as in tests/participant/trainer and tests/system, spends two seconds on it each time.
    """
    from support import warm

    from participant.trainer.trainers import Trainers

    monkeypatch.setattr(Trainers.__init__, "__defaults__", (warm.serve,))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shared_data(root: Path) -> Path:
    """Real data that is not part of the repository; a test that needs it skips where it is absent."""
    folder = root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets are not on this machine")
    return folder
