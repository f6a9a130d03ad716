"""A trial on the shared chain."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from support.consortia.synthetic import Trial


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Callable[..., Trial]]:
    """Makes trials: `trial(members=4, roles=…, **what Trial takes)`."""
    with ExitStack() as stack:

        def make(members: int = 4, roles: Any = None, **options: Any) -> Trial:
            consortium = found(members) if roles is None else found(members, roles)
            return stack.enter_context(Trial(consortium, **options))

        yield make
