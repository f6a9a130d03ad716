"""A task that does what its settings say: all that code of one's own may do to the process that it runs in."""

import sys
from pathlib import Path

from support.drafts import DRAFT, Memory
from support.installing import install

from ledger.jobs.document import Job
from participant.jobs.creation import create
from participant.jobs.draft import read

SOURCE = """
import ctypes, os, signal, subprocess, sys, time
import torch
from participant.tasks.protocol import Task, TrainResult

def do(what, round=None):
    if what == "raise": raise RuntimeError("CUDA out of memory")
    if what == "interrupt": raise KeyboardInterrupt
    if what == "leave": sys.exit(4)
    if what == "exit": os._exit(3)
    if what == "crash": ctypes.string_at(0)
    if what == "memory": os.kill(os.getpid(), signal.SIGKILL)
    if what == "loop":
        while True: pass
    if what == "print":
        for _ in range(1000): print("x" * 10000, file=sys.stderr)
        os.write(2, b"the end of it")
        os._exit(3)
    if what == "daemon":
        round.report(1, 4, 0.25)
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        (round.scratch.parent / "child").write_text(str(child.pid))
        while True: pass
    if what == "daemons":
        daemon = 'setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >"$0"'
        subprocess.run(["setsid", "sh", "-c", daemon, str(round.scratch.parent / "child")])
        os._exit(3)
    if what == "sleep":
        for second in range(600):
            round.report(second, 600, 0.5)
            time.sleep(0.1)
    if what == "wait":
        while not (round.scratch.parent.parent / "go").exists():
            round.report(1, 4, 0.25)
            time.sleep(0.02)
    if what == "odd":
        os.chdir("/")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD): signal.signal(number, signal.SIG_IGN)
        print("{{")
        os.write(1, b"not JSON\\n")
    if what == "stubborn":
        do("odd")
        os.write(1, b"it is at it %d\\n" % os.getpid())
        ctypes.PyDLL(None).sleep(1000)  # no other thread goes on meanwhile
    if what == "tunables":
        raise RuntimeError(subprocess.check_output(["sh", "-c", "echo glibc: $GLIBC_TUNABLES."], text=True).strip())
    if what == "secrets":
        links = [f"/proc/self/fd/{{fd}}" for fd in os.listdir("/proc/self/fd")]
        lines = [os.readlink(link) for link in links if os.path.lexists(link)]
        (round.scratch.parent / "open").write_text("\\n".join(lines))
        (round.scratch.parent / "modules").write_text("\\n".join(sys.modules))

class Own(Task):
    name, version = "{name}", "1"

    def __init__(self, settings): self.does = dict(settings)
    def build_model(self, seed):
        do(self.does.get("build"))
        torch.manual_seed(seed)
        return torch.nn.Linear(1, 1)
    def load_data(self, path):
        do(self.does.get("load"))
        return path.read_text().splitlines()
    def train(self, model, data, round):
        do(self.does.get("train"), round)
        with torch.no_grad(): model.bias += 0.0625
        return TrainResult(len(data), 0.5)
    def evaluate(self, model, data):
        do(self.does.get("evaluate"))
        return {{"loss": float(model.bias), "nothing": float("nan")}}
"""


SECONDS = 6000
"""To train in, by the chain's clock."""


def job(folder: Path, **does: str) -> Job:
    """A job of the task, installed in `folder`, which has to be on the path."""
    if not (folder / "own_wild.py").exists():
        sys.modules.pop("own_wild", None)
        install(folder, "wild", SOURCE)
    start, end = DRAFT.index("[task]"), DRAFT.index("[admission]")
    settings = "\n".join(f'{name} = "{value}"' for name, value in does.items())
    rest = DRAFT[end:].replace("update_seconds = 60", f"update_seconds = {SECONDS}")
    draft = folder / "job.toml"
    draft.write_text(f'{DRAFT[:start]}[task]\nname = "wild"\n\n[task.settings]\n{settings}\n\n{rest}')
    return create(read(draft), Memory().put)
