"""Stores to test: the embedded one, and a real Kubo daemon where one was built."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.store import Store
from ledger.store.embedded import Embedded


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    store = Embedded(tmp_path / "store", create=True, name="own store")
    yield store
    store.close()


@pytest.fixture(params=["embedded", pytest.param("kubo", marks=pytest.mark.engine)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Every store there is, one after the other."""
    if request.param == "embedded":
        yield request.getfixturevalue("embedded")
        return
    from ledger.store.kubo import Kubo

    kubo = Kubo(request.getfixturevalue("daemon").address)
    yield kubo
    for name in kubo.pins():
        kubo.unpin(name)
    kubo.close()
