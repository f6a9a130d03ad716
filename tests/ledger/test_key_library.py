"""eth-account is loaded without the curve of key files that are never made here, and is whole all the same."""

import subprocess
import sys

from ledger.keys import library


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_key_is_made_and_signs_without_the_curve() -> None:
    code = (
        "import sys; from ledger.keys import ephemeral;"
        "ephemeral().sign_transaction({'chainId': 31337, 'nonce': 0, 'value': 0, 'data': '0x', 'gas': 21000,"
        " 'gasPrice': 0, 'to': '0x' + '12' * 20});"
        "print([name for name in sys.modules if name.startswith(('py_ecc.bls', 'py_ecc.optimized'))])"
    )
    assert run(code) == "[]"


def test_a_key_file_of_version_4_is_still_made_and_opened_by_the_library() -> None:
    """The stand-in loads the curve where it is asked for; the expected key is that of EIP-2335's scrypt vector."""
    code = (
        "from ledger.keys.library import accounts; accounts();"
        "from eth_keyfile import create_keyfile_json, decode_keyfile_json;"
        "secret = bytes.fromhex('000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f');"
        "made = create_keyfile_json(secret, b'a passphrase', version=4, kdf='pbkdf2', iterations=2);"
        "assert decode_keyfile_json(made, b'a passphrase') == secret; print(made['pubkey'])"
    )
    expected = "9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07"
    assert run(code) == expected


def test_whoever_imports_the_curve_afterwards_has_all_of_it() -> None:
    code = (
        "from ledger.keys.library import CURVE_ORDER, accounts; accounts();"
        "import py_ecc.bls, py_ecc.bls12_381;"
        "assert py_ecc.bls12_381.curve_order == CURVE_ORDER;"
        "print(py_ecc.bls.G2Basic.SkToPk(1) == py_ecc.bls.G2ProofOfPossession.SkToPk(1))"
    )
    assert run(code) == "True"


def test_what_is_loaded_already_stays() -> None:
    from py_ecc import bls

    assert library.accounts() is library.accounts()
    assert sys.modules["py_ecc.bls"] is bls
