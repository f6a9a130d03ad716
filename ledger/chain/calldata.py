"""web3.py, on our own transport: what is signed is encoded by it. Its types stay in this module."""

from collections.abc import Mapping
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.exceptions import Web3Exception
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from ledger.chain.build import ContractName, committed
from ledger.chain.rpc import Rpc
from ledger.errors import UsageError


class _Provider(JSONBaseProvider):
    """Lets web3 speak over `Rpc`. Errors pass through as ours: web3 never sees, retries or rewords one."""

    def __init__(self, rpc: Rpc) -> None:
        super().__init__()
        self._rpc = rpc

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return {"jsonrpc": "2.0", "id": 1, "result": self._rpc.call(method, *params)}


class Calls:
    """The contracts of a network. `poa` accepts the longer headers of Clique, IBFT and QBFT chains."""

    def __init__(self, rpc: Rpc, addresses: Mapping[ContractName, str], *, poa: bool) -> None:
        self.web3 = connect(rpc, poa=poa)
        self._addresses = {name: Web3.to_checksum_address(address) for name, address in addresses.items()}
        self._holders: dict[tuple[ContractName, str], type[Contract] | Contract] = {}

    def encode(self, contract: ContractName, function: str, *arguments: Any) -> str:
        """The data of a call, in hexadecimal. Raises UsageError for a function or arguments the ABI does not have."""
        try:
            return str(self._holder(contract, function).encode_abi(function, list(arguments)))
        except (Web3Exception, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise UsageError(f"the contract has no such call: {reason}", function=function) from error

    def _holder(self, contract: ContractName, function: str) -> "type[Contract] | Contract":
        """The contract with this function alone: web3 hashes the signatures of all that there are in each call."""
        place = contract, function
        if place not in self._holders:
            abi = [entry for entry in committed(contract).abi if entry.get("name") == function]
            self._holders[place] = self.web3.eth.contract(address=self._addresses[contract], abi=abi)
        return self._holders[place]


def creation(rpc: Rpc, contract: ContractName, *arguments: Any, poa: bool = False) -> str:
    """The data of the transaction that creates a contract. Raises UsageError for arguments that do not fit."""
    build = committed(contract)
    factory = connect(rpc, poa=poa).eth.contract(abi=build.abi, bytecode=build.bytecode)
    try:
        return str(factory.constructor(*arguments).data_in_transaction)
    except (Web3Exception, TypeError, ValueError) as error:
        raise UsageError(
            f"the contract cannot be created with these arguments: {error}", contract=build.contract_name
        ) from error


def connect(rpc: Rpc, *, poa: bool = False) -> Web3:
    """web3.py over `rpc`, without the default middleware: names, gas and fees are decided here, by nobody else."""
    web3 = Web3(_Provider(rpc), middleware=[], ens=None)
    if poa:
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return web3
