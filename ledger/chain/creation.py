"""What creates a contract, by web3.py from the committed build: only who deploys needs it, and waits for its import."""

from typing import Any

from ledger.chain.build import ContractName, committed
from ledger.errors import UsageError


def creation(contract: ContractName, *arguments: Any) -> str:
    """The data of the transaction that creates a contract. Raises UsageError for arguments that do not fit."""
    # Not above: where there is a key, eth-account was loaded by now without what `ledger.keys.library` leaves out.
    from web3 import Web3
    from web3.exceptions import Web3Exception

    build = committed(contract)
    factory = Web3(middleware=[], ens=None).eth.contract(abi=build.abi, bytecode=build.bytecode)
    try:
        return str(factory.constructor(*arguments).data_in_transaction)
    except (Web3Exception, TypeError, ValueError) as error:
        raise UsageError(
            f"the contract cannot be created with these arguments: {error}", contract=build.contract_name
        ) from error
