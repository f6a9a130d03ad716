"""verify_bundle.py as a stranger runs it: a process of its own, within 256 MB and 10 s, that may not reach out."""

import subprocess
import sys
from pathlib import Path

from ledger.bundle import verify_bundle

FILE = Path(verify_bundle.__file__)
ALONE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))
resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
sys.path[:] = [path for path in sys.path if "site-packages" not in path and path]

STARTED = ("os.system", "os.exec", "os.posix_spawn", "os.fork")

def guard(event, arguments):
    if event.split(".")[0] in ("socket", "subprocess", "ctypes", "http", "urllib") or event in STARTED:
        raise SystemExit("the verifier reached out: " + event)
    if event == "import" and arguments[0].partition(".")[0] not in sys.stdlib_module_names:
        raise SystemExit("the verifier imported " + arguments[0])
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wa+x"):
        raise SystemExit("the verifier wrote a file: " + str(arguments[0]))

sys.addaudithook(guard)
sys.argv = sys.argv[1:]
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"), {"__name__": "__main__"})
"""


def alone(*arguments: object, python: str = sys.executable) -> subprocess.CompletedProcess[bytes]:
    """A run of it. Its time is the processor's: the rest of the machine may be busy."""
    words = [python, "-I", "-S", "-c", ALONE, str(FILE), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, timeout=240, check=False)
