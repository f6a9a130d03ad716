"""What set-up says of a gateway that nobody can dial."""

import pytest
from support.content.ports import free_ports

from ledger.config import LOCAL_CHAIN, GatewaySettings, HomeSettings, StoreSettings
from ledger.party.reach import advice


def settings(*, reachable: bool = True, **gateway: object) -> HomeSettings:
    return HomeSettings(store=StoreSettings(reachable=reachable), gateway=GatewaySettings(**gateway))  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0.0.0.0"])  # noqa: S104
def test_a_gateway_on_this_machine_alone(host: str) -> None:
    assert "reachable = false" in advice(settings(host=host), 7)
    assert advice(settings(host=host), LOCAL_CHAIN) == ""
    assert advice(settings(host=host, reachable=False), 7) == ""


def test_a_public_address_is_dialled() -> None:
    port, other = free_ports(2)
    url = f"http://127.0.0.1:{port}"
    assert advice(settings(port=port, public_url=url), 7) == ""
    assert url in advice(settings(port=other, public_url=url), 7)
    assert "reachable = false" in advice(settings(port=port, public_url="nonsense"), 7)


def test_a_gateway_in_the_network_is_believed() -> None:
    assert advice(settings(host="10.0.0.9"), 7) == ""
