"""eth-account, without what it loads for key files of version 4 alone: their curve (BLS12-381) takes 0.25 s.

No such file is made or opened here. What stands in for the curve meanwhile loads it where something asks for it.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eth_account import Account

CURVE_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""The order of BLS12-381's groups (draft-irtf-cfrg-pairing-friendly-curves, 4.2.1)."""
SCHEME = "G2ProofOfPossession"


def accounts() -> "type[Account]":
    """The class that makes, opens and encrypts keys."""
    if "eth_account" not in sys.modules:
        _load()
    from eth_account import Account

    return Account


def _load() -> None:
    """Import eth-account with the two modules stood in for; they are as if never imported afterwards."""
    from py_ecc import secp256k1  # the package, and what the key files of version 3 need of it

    names = [name for name in ("py_ecc.bls", "py_ecc.bls12_381") if name not in sys.modules]
    del secp256k1
    for name in names:
        sys.modules[name] = _StandIn(name)
    try:
        import_module("eth_account")
    finally:
        for name in names:
            if isinstance(sys.modules.get(name), _StandIn):
                del sys.modules[name]


class _StandIn(ModuleType):
    """A module that is imported once something else of it is wanted than what it takes to import eth-account."""

    def __getattr__(self, name: str) -> object:
        if name == "curve_order":
            return CURVE_ORDER
        if name == SCHEME:
            return _Scheme(name)
        if name.startswith("__"):  # the import itself looks for these
            raise AttributeError(name)
        return getattr(_real(self.__name__), name)


class _Scheme(ModuleType):
    """The signatures of the curve, imported with the first use."""

    def __getattr__(self, name: str) -> object:
        return getattr(getattr(_real("py_ecc.bls"), SCHEME), name)


def _real(name: str) -> ModuleType:
    if isinstance(sys.modules.get(name), _StandIn):
        del sys.modules[name]
    return import_module(name)
