"""The demo's training in Flower's simulator: same data files, model, local training and number of rounds; no ledger.

Run by Flower's own Python: flower_demo.py FOLDER ROUNDS CORES_PER_CLIENT. Prints one JSON object at the end. The local
training is written out as fedledger's is, without `torch.optim`, whose first use alone takes seconds.
"""

import csv
import json
import os
import sys
import time
import tomllib
from pathlib import Path

os.environ["RAY_DEDUP_LOGS"] = "0"
BEGAN = time.perf_counter()

import torch  # noqa: E402
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict  # noqa: E402
from flwr.clientapp import ClientApp  # noqa: E402
from flwr.serverapp import Grid, ServerApp  # noqa: E402
from flwr.serverapp.strategy import FedAvg  # noqa: E402
from flwr.simulation import run_simulation  # noqa: E402

FOLDER, ROUNDS, CORES = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
HOSPITALS = 4
JOB = tomllib.loads((FOLDER / "job.toml").read_text())
SETTINGS = JOB["task"]["settings"]
LAYERS = (len(SETTINGS["columns"]), int(SETTINGS["hidden"][0]), len(SETTINGS["classes"]))


def load(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Columns mapped to -1 … 1 by the job's ranges; labels as class numbers."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    values = torch.tensor([[float(row[name]) for name in SETTINGS["columns"]] for row in rows], dtype=torch.float64)
    low, high = torch.tensor([[float(n) for n in text.split(":")] for text in SETTINGS["ranges"]]).double().T
    targets = torch.tensor([SETTINGS["classes"].index(row[SETTINGS["label"]]) for row in rows])
    return (((values - low) / (high - low)).clamp(0, 1) * 2 - 1).float(), targets


def build() -> torch.nn.Module:
    torch.manual_seed(JOB["seed"])
    wide, hidden, narrow = LAYERS
    return torch.nn.Sequential(torch.nn.Linear(wide, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, narrow))


def fit(model: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Minibatch gradient descent; the mean loss of the last epoch."""
    parameters = list(model.parameters())
    size, mean = int(SETTINGS["batch_size"]), 0.0
    for _ in range(int(SETTINGS["epochs"])):
        total = 0.0
        for rows in torch.randperm(len(targets)).split(size):
            loss = torch.nn.functional.cross_entropy(model(inputs[rows]), targets[rows])
            gradients = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradients, alpha=-float(SETTINGS["learning_rate"]))
            total += float(loss.detach()) * len(rows)
        mean = total / len(targets)
    return mean


client = ClientApp()


@client.train()
def train(message: Message, context: Context) -> Message:
    torch.set_num_threads(1)
    inputs, targets = load(FOLDER / f"hospital-{int(context.node_config['partition-id']) + 1}.csv")
    model = build()
    model.load_state_dict(message.content["arrays"].to_torch_state_dict())
    loss = fit(model, inputs, targets)
    content = RecordDict(
        {
            "arrays": ArrayRecord(model.state_dict()),
            "metrics": MetricRecord({"loss": loss, "num-examples": len(targets)}),
        }
    )
    return Message(content=content, reply_to=message)


server = ServerApp()
RESULT: dict[str, float] = {}


@server.main()
def main(grid: Grid, context: Context) -> None:
    inputs, targets = load(FOLDER / "test.csv")
    model = build()

    def evaluate(number: int, arrays: ArrayRecord) -> MetricRecord:
        model.load_state_dict(arrays.to_torch_state_dict())
        with torch.no_grad():
            RESULT["accuracy"] = float((model(inputs).argmax(1) == targets).double().mean())
        return MetricRecord({"accuracy": RESULT["accuracy"]})

    strategy = FedAvg(
        fraction_evaluate=0.0,
        min_train_nodes=HOSPITALS,
        min_available_nodes=HOSPITALS,
    )
    began = time.perf_counter()
    strategy.start(grid=grid, initial_arrays=ArrayRecord(model.state_dict()), num_rounds=ROUNDS, evaluate_fn=evaluate)
    RESULT["rounds"] = time.perf_counter() - began


if __name__ == "__main__":
    run_simulation(
        server_app=server,
        client_app=client,
        num_supernodes=HOSPITALS,
        backend_config={"client_resources": {"num_cpus": CORES, "num_gpus": 0.0}},
    )
    print(json.dumps({**RESULT, "inside": time.perf_counter() - BEGAN}))
