"""The events: every one that is declared is in the union that is read, stored and folded."""

from collections.abc import Iterator

from ledger.events import records as r


def declared(base: type[r.Event]) -> Iterator[type[r.Event]]:
    """The events that are declared below a base."""
    for kind in base.__subclasses__():
        if kind.__subclasses__():
            yield from declared(kind)
        else:
            yield kind


def test_no_event_is_left_out_of_the_union() -> None:
    assert sorted(kind.__name__ for kind in declared(r.Event)) == sorted(kind.__name__ for kind in r.EVENTS)


def test_every_event_says_what_happened() -> None:
    assert [kind.__name__ for kind in r.EVENTS if not (kind.__doc__ or "").strip()] == []
