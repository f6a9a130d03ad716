"""Why an edge does not take what it is sent, each with its status in HTTP."""

from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError


class NothingThere(UsageError):
    """There is no such thing here."""


class NotAClient(UsageError):
    """A key that is not in the edge's list."""


class TakenAlready(UsageError):
    """Another update of the same client and round was taken: its receipt stands."""


class RoundClosed(UsageError):
    """The round does not collect, or not any more."""


class UpdateTooLong(UsageError):
    """More bytes than the job's updates have."""


class UpdateRefused(UsageError):
    """An update that is not what was signed, or that the job does not admit, as a client hears of it."""


class TooMany(Unavailable):
    """More requests than a client has, or than the edge works at; `seconds` is when to come again."""

    def __init__(self, message: str, seconds: float, **facts: object) -> None:
        super().__init__(message, advice="send the same again a little later", **facts)
        self.seconds = seconds


STATUS: dict[type[FedledgerError], int] = {
    NothingThere: 404,
    NotAClient: 403,
    TakenAlready: 409,
    RoundClosed: 410,
    UpdateTooLong: 413,
    TooMany: 429,
    Malformed: 400,
    UsageError: 422,
    Unavailable: 503,
}
"""The nearest family in an error's ancestry counts."""


def status_of(error: FedledgerError) -> int:
    """An error's status in HTTP."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 503)
