"""heartbeats: the ServerApp, which Flower itself would run."""

from flwr.app import Context
from flwr.common import ndarrays_to_parameters
from flwr.server import ServerAppComponents, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.serverapp import ServerApp

from heartbeats.task import create_model, get_model_params


def server_fn(context: Context):
    parameters = ndarrays_to_parameters(get_model_params(create_model(context.run_config["local-epochs"])))
    strategy = FedAvg(initial_parameters=parameters)
    return ServerAppComponents(
        strategy=strategy, config=ServerConfig(num_rounds=context.run_config["num-server-rounds"])
    )


app = ServerApp(server_fn=server_fn)
