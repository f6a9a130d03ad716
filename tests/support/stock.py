"""The stock tools of the formats that releases are exported in, in processes that have no network."""

import importlib.util
import shutil
import subprocess
import sys

import pytest

ALONE = ["unshare", "--user", "--map-root-user", "--net"]
"""A network namespace of its own: it has no way out, and not even a loopback that is up."""
DSSE = """
import json, sys
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
envelope = Envelope.from_dict(json.load(open(sys.argv[1])))
pem = open(sys.argv[2]).read()
[keyid] = envelope.signatures
key = SSlibKey(keyid, "ecdsa", "ecdsa-sha2-nistp256", {"public": pem})
envelope.verify([key], 1)
"""
STATEMENT = """
import json, sys, base64
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1 import statement_pb2
payload = json.loads(base64.b64decode(json.load(open(sys.argv[1]))["payload"]))
read = statement_pb2.Statement()
ParseDict(payload, read)
Statement.copy_from_pb(read).validate()
from google.protobuf.json_format import MessageToDict
assert MessageToDict(read) == payload, "a round trip changes it"
"""
BILL = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
assert wrong is None, wrong
"""
LINEAGE = """
import sys
from prov.model import ProvDocument
read = ProvDocument.deserialize(sys.argv[1], format="json")
again = ProvDocument.deserialize(content=read.serialize(format="json"), format="json")
assert read == again and len(list(read.get_records())) > 10
"""


def alone(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A command with no network; skips where the system lets nobody have a namespace."""
    if shutil.which("unshare") is None or subprocess.run([*ALONE, "true"], capture_output=True).returncode:
        pytest.skip("no network namespace can be made here (unshare --user --net)")
    return subprocess.run([*ALONE, *map(str, arguments)], capture_output=True, text=True)


def stock(script: str, *arguments: object, module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: a stock validator of the group dev")
    done = alone(sys.executable, "-W", "ignore", "-c", script, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
