"""One Node process for the modules of the page: what they answer is compared with what Python says."""

from collections.abc import Iterator

import pytest
from support.web.modules import Ask, answering


@pytest.fixture(scope="session")
def modules() -> Iterator[Ask]:
    """`modules(question, *arguments)`: the answer, or None where the module refuses."""
    with answering() as ask:
        yield ask
