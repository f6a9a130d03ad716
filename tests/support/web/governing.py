"""What tests of votes through a page share: what a wallet was shown, and servers that answer otherwise."""

import json
from collections.abc import Callable
from typing import Any

from support.web.browsing import Member


def signed(member: Member) -> dict[str, Any]:
    """The last typed data that a member's wallet showed."""
    asked = [params for method, params in member.wallet.asked if method == "eth_signTypedData_v4"]
    document: dict[str, Any] = json.loads(asked[-1][1])
    return document


def lie_in_typed_data(route: Any, lie: Callable[[Any], object]) -> None:
    """Answer with what the server sends, but for the typed data."""
    change(route, lambda document: lie(document["typed_data"]))


def changed(page: Any, address: str, lie: Callable[[Any], object]) -> None:
    page.route(address, lambda route: change(route, lie))


def change(route: Any, lie: Callable[[Any], object]) -> None:
    """Answer with what the server sends, but for this."""
    document = route.fetch().json()
    lie(document)
    route.fulfill(json=document)
