"""Simulated clients in Flower's simulator: the model, rows and local training of bench_simulate.py; no ledger.

Run by Flower's own Python: flower_simulate.py FOLDER CLIENTS ROUNDS. After each round it adds a line to FOLDER/rounds;
at the end it prints one JSON object. The local training is written out as fedledger's is, one client at a time.
"""

import json
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

FOLDER, CLIENTS, ROUNDS = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
SETTINGS = tomllib.loads((FOLDER / "job.toml").read_text())["task"]["settings"]
LAYERS = (len(SETTINGS["columns"]), int(SETTINGS["hidden"][0]), len(SETTINGS["classes"]))
RATE, BATCH, ROWS = 0.1, 32, 10


def load() -> tuple[torch.Tensor, torch.Tensor]:
    """All rows, mapped to -1 … 1, and their classes."""
    with np.load(FOLDER / "rows.npz") as rows:
        inputs, kinds = rows["x"], rows["y"].astype(np.int64)
    return torch.from_numpy((inputs * 2 - 1).astype(np.float32)), torch.from_numpy(kinds)


def build() -> torch.nn.Module:
    torch.manual_seed(1)
    wide, hidden, narrow = LAYERS
    return torch.nn.Sequential(torch.nn.Linear(wide, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, narrow))


INPUTS, TARGETS = load()
client, server = ClientApp(), ServerApp()
RESULT: dict[str, float] = {}


@client.train()
def train(message: Message, context: Context) -> Message:
    torch.set_num_threads(1)
    first = ROWS * int(context.node_config["partition-id"])
    own = slice(first, first + ROWS)
    inputs, targets, model = INPUTS[own], TARGETS[own], build()
    model.load_state_dict(message.content["arrays"].to_torch_state_dict())
    began, parameters = time.process_time(), list(model.parameters())
    for rows in torch.randperm(len(targets)).split(BATCH):
        loss = torch.nn.functional.cross_entropy(model(inputs[rows]), targets[rows])
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-RATE)
    said = {"training": time.process_time() - began, "num-examples": len(targets)}
    content = RecordDict({"arrays": ArrayRecord(model.state_dict()), "metrics": MetricRecord(said)})
    return Message(content=content, reply_to=message)


@server.main()
def main(grid: Grid, context: Context) -> None:
    def evaluate(number: int, arrays: ArrayRecord) -> MetricRecord:
        with (FOLDER / "rounds").open("a") as file:
            file.write(f"{number}\n")
        return MetricRecord({"values": float(sum(array.numpy().size for array in arrays.values()))})

    strategy = FedAvg(fraction_evaluate=0.0, min_train_nodes=CLIENTS, min_available_nodes=CLIENTS)
    made = strategy.start(
        grid=grid, initial_arrays=ArrayRecord(build().state_dict()), num_rounds=ROUNDS, evaluate_fn=evaluate
    )
    told = made.train_metrics_clientapp
    RESULT["training"] = sum(float(told[number]["training"]) for number in range(2, ROUNDS + 1)) / (ROUNDS - 1)


if __name__ == "__main__":
    run_simulation(
        server_app=server,
        client_app=client,
        num_supernodes=CLIENTS,
        backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
    )
    print(json.dumps(RESULT))
