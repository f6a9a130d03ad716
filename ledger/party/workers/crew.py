"""Workers of one trade, whatever carries their parts: a few are asked ahead, and answer in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from itertools import islice
from typing import Protocol

Answers = Generator[bytes | None, None, None]
Asked = Callable[[], bytes | None]
"""Waits for the answer to a part; None where no worker could answer it."""


class Crew(Protocol):
    """Workers, until they are let go of by `close`, whatever they are at."""

    @property
    def ahead(self) -> int:
        """How many parts they are asked for before the first answer is waited for."""

    def ask(self, part: bytes) -> Asked:
        """Have a part answered."""

    def close(self) -> None:
        """End them all."""


def answers(crew: Crew, parts: Iterable[bytes]) -> Answers:
    """What a crew answers to each part, in order. Parts are made as they are asked for."""
    left = iter(parts)
    asked = deque(map(crew.ask, islice(left, crew.ahead)))
    while asked:
        answer = asked.popleft()()
        asked.extend(map(crew.ask, islice(left, 1)))
        yield answer
