"""A consortium that governs itself through pages: a chain, a server that relays, members with wallets."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from support.web.browsing import Member
from support.web.relay import House, relaying
from support.web.server import until


@pytest.fixture(scope="session")
def hospital(found_consortium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A consortium with one final model, and a server that relays for it."""
    from support.consortia.aggregators import drive, service
    from support.consortia.synthetic import Trial

    local, consortium = found_consortium(tmp_path_factory.mktemp("governed") / "houses")
    try:
        with Trial(consortium) as trial, ExitStack() as stack:
            honest = service(trial.parties[0])
            drive(honest)
            trial.submit()
            trial.vouch()
            drive(honest)
            trial.attest(1, 2)
            drive(honest)
            house = House(local)
            stack.callback(house.client.close)
            site = stack.enter_context(relaying(house, tmp_path_factory.mktemp("server")))
            until(lambda: site.latest.state.snapshot is not None and site.latest.state.documents)
            yield trial, site
        consortium.client.close()
    finally:
        local.stop()


@pytest.fixture
def members(hospital: Any, browser: Any) -> Iterator[list[Member]]:
    _, site = hospital
    names = (("Test wallet",), (), ("Test wallet",), ("Test wallet",))
    made = [Member(browser, site.url, signer, *names[place]) for place, signer in enumerate(site.house.signers)]
    yield made
    for member in made:
        member.context.close()
