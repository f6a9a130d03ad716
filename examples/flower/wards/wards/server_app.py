"""wards: the ServerApp, which Flower itself would run."""

from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from wards.task import Net

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Entry point of the server."""
    arrays = ArrayRecord(Net().state_dict())
    FedAvg().start(grid=grid, initial_arrays=arrays, num_rounds=context.run_config["num-server-rounds"])
