"""An interrupt that comes while an answer is parsed is an interrupt, and no broken answer."""

from typing import Any

import pytest

from ledger.http.answers import Incoming


class Interrupted(Incoming):
    """The user's Ctrl-C arrives while the parser calls back."""

    def on_header(self, *_: Any) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_inside_the_parser_comes_out() -> None:
    with pytest.raises(KeyboardInterrupt):
        Interrupted().feed(memoryview(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"))
