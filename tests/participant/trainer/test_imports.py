"""Imports without the collector of garbage."""

import gc
from collections.abc import Iterator

import pytest

from participant.trainer.imports import kept_imports


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_what_is_imported_is_not_looked_through_and_garbage_of_later_is() -> None:
    before = gc.get_freeze_count()
    with kept_imports():
        assert not gc.isenabled()
        made = [[] for _ in range(1000)]  # type: list[list[int]]
    assert gc.get_freeze_count() >= before + len(made)
    assert gc.isenabled()
    assert not any(one is made for one in gc.get_objects())


def test_a_collector_that_was_off_stays_off_and_a_failed_import_leaves_it_as_it_was() -> None:
    gc.disable()
    with kept_imports():
        pass
    assert not gc.isenabled()
    gc.enable()
    with pytest.raises(ModuleNotFoundError), kept_imports():
        import no_such_module  # type: ignore[import-not-found]  # noqa: F401
    assert gc.isenabled()
