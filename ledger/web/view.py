"""What the application shows: one consortium, seen through the board that the background threads fill."""

from dataclasses import dataclass

from ledger.config import Network
from ledger.web.board import Board
from ledger.web.library import Library


@dataclass(frozen=True, slots=True)
class View:
    """A consortium, its board, and the content that may be given out.

    `rate` is how many requests a second one address may make in the long run, 0 any number. `hosts` are the names
    that this server answers to, none all: a page elsewhere could else read a local server by a name of its own.
    """

    network: Network
    board: Board
    content: Library
    rate: float = 50.0
    hosts: tuple[str, ...] = ()
