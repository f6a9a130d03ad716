"""Before a transaction is signed: would it take effect, how much gas does it need, and what does gas cost?"""

from collections.abc import Mapping
from typing import Any, Literal

from ledger.chain.quantities import quantity
from ledger.chain.reverts import rejected
from ledger.chain.rpc import Rpc, RpcError
from ledger.errors import Rejected

GasPrice = Literal["zero", "market"]
Call = dict[str, str]

REVERTED = 3
# The state may change between estimate and inclusion: an attestation becomes the one that concludes the round.
GAS_FACTOR = 1.2
GAS_EXTRA = 150_000


def gas_limit(rpc: Rpc, call: Call) -> int:
    """The gas to give a call, by simulation on the pending block, or on the latest where the node has no pending one.

    The pending block's clock is right on a chain that seals on demand. Raises Rejected where the call would revert.
    """
    try:
        return _with_room(rpc.call("eth_estimateGas", call, "pending"))
    except RpcError as error:
        if is_revert(error):
            raise _reason(rpc, call, "pending", error) from error
    try:
        return _with_room(rpc.call("eth_estimateGas", call))
    except RpcError as error:
        if is_revert(error):
            raise _reason(rpc, call, "latest", error) from error
        raise


def replay(rpc: Rpc, call: Call, block: str) -> Rejected | None:
    """Why a call reverts on the state after a block; None where it does not, or where the node cannot tell."""
    try:
        rpc.call("eth_call", call, block)
    except RpcError as error:
        return rejected(error.data) if is_revert(error) else None
    return None


def has_base_fee(rpc: Rpc) -> bool:
    """Whether the chain's blocks have a base fee (EIP-1559); one without takes only transactions with one price."""
    latest = rpc.call("eth_getBlockByNumber", "latest", False)
    return isinstance(latest, dict) and latest.get("baseFeePerGas") is not None


def fees(rpc: Rpc, gas_price: GasPrice, *, base_fee: bool = True) -> dict[str, int]:
    """What a transaction offers, in wei: nothing, or what the market asks.

    With a base fee that is twice this plus the median tip of the last blocks; without, the node's one price.
    """
    if not base_fee:
        return {"gasPrice": 0 if gas_price == "zero" else quantity(rpc.call("eth_gasPrice"))}
    if gas_price == "zero":
        return {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
    history = rpc.call("eth_feeHistory", "0x5", "latest", [50])
    tips = sorted(quantity(rewards[0]) for rewards in history.get("reward") or [] if rewards)
    tip = tips[len(tips) // 2] if tips else quantity(rpc.call("eth_maxPriorityFeePerGas"))
    base = quantity(history["baseFeePerGas"][-1])
    return {"maxFeePerGas": 2 * base + tip, "maxPriorityFeePerGas": tip}


def outbidding(rpc: Rpc, shown: Mapping[str, Any]) -> dict[str, int] | None:
    """Fees for another transaction in the place of one that the node shows; None where that one offers enough.

    Nodes take a replacement that offers 10 % more in each field; geth's default, and anvil's.
    """
    if shown.get("maxFeePerGas") is None:
        price, offered = fees(rpc, "market", base_fee=False)["gasPrice"], quantity(shown["gasPrice"])
        return None if offered >= price else {"gasPrice": max(price, offered * 9 // 8 + 1)}
    now, most, tip = fees(rpc, "market"), quantity(shown["maxFeePerGas"]), quantity(shown["maxPriorityFeePerGas"])
    base = (now["maxFeePerGas"] - now["maxPriorityFeePerGas"]) // 2
    if most >= base:
        return None
    tip = max(now["maxPriorityFeePerGas"], tip * 9 // 8 + 1)
    return {"maxFeePerGas": max(2 * base + tip, most * 9 // 8 + 1), "maxPriorityFeePerGas": tip}


def is_revert(error: RpcError) -> bool:
    """Whether the node's error is the contract's refusal."""
    return error.code == REVERTED or bool(error.data) or "revert" in error.text.lower()


def _with_room(estimate: str) -> int:
    return int(quantity(estimate) * GAS_FACTOR) + GAS_EXTRA


def _reason(rpc: Rpc, call: Call, block: str, error: RpcError) -> Rejected:
    """Some nodes give a revert's bytes only to `eth_call`."""
    if error.data:
        return rejected(error.data)
    return replay(rpc, call, block) or rejected(None)
