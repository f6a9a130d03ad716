"""What a fold raises."""


class Impossible(Exception):
    """An event cannot follow; its text says why. `ledger.history.fold` makes a HistoryError of it."""
