"""Writes sums.json beside it: `PYTHONPATH=tests python tests/vectors/make_sums.py`. A change of any byte is a new
format.

Four members' contributions that nobody can open: their residues are made by SHAKE-256, so that everyone, with or
without a library of encryption, comes to the same sum. Signed with keys for vectors alone.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace
from support.sums import CUSTODIAN, MEMBERS, PLAN, PRIVATE, SECOND, made_up_file, pieces, sign

from ledger.homomorphic import parameters
from ledger.homomorphic.contributions import HEAD, summed
from ledger.homomorphic.statements import Decryption

FILE = Path(__file__).with_name("sums.json")
VALUES = (3, -41, 1_000_000, 0, -7)
WEIGHTS = (1, 2, 3, 100)


def whole() -> dict[str, Any]:
    plan = replace(PLAN, key=sha256(b"the public key of nobody").hexdigest())
    files = [made_up_file(plan, party, weight) for party, weight in zip(MEMBERS, WEIGHTS, strict=True)]
    added, values = summed(plan, pieces(*files)), np.array(VALUES, np.int64)
    said = Decryption.of(plan, added, values)
    return {
        "parameters": {
            "degree": parameters.DEGREE,
            "moduli": [*parameters.MODULI, parameters.SPECIAL],
            "plain": parameters.PLAIN,
            "block": parameters.BLOCK,
        },
        "private_keys": [PRIVATE[place].hex() for place in sorted(PRIVATE)],
        "plan": plan.encode().decode(),
        "plan_digest": plan.digest.hex(),
        "contributions": [
            {
                "label": f"{one.party} 0",
                "party": one.party,
                "weight": one.weight,
                "head": file[:HEAD].hex(),
                "first_residues": file[HEAD : HEAD + 12].hex(),
                "ciphertexts": one.ciphertexts.hex(),
                "signature": file[-65:].hex(),
                "sha256": sha256(file).hexdigest(),
            }
            for one, file in zip(added.contributed, files, strict=True)
        ],
        "sum": added.sum.hex(),
        "values": list(VALUES),
        "divisor": added.divisor,
        "statements": [(said.unsigned + sign(party, said.to_sign())).hex() for party in (CUSTODIAN, SECOND)],
    }


def text() -> str:
    return json.dumps(whole(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
