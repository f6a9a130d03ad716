"""heartbeats: the ClientApp."""

import warnings

from flwr.app import ConfigRecord, Context
from flwr.client import NumPyClient
from flwr.clientapp import ClientApp
from sklearn.metrics import log_loss

from heartbeats.task import create_model, get_model_params, load_data, set_model_params


class FlowerClient(NumPyClient):
    def __init__(self, context, model):
        self.context, self.model = context, model

    def data(self):
        return load_data(self.context.node_config["data-path"])

    def get_parameters(self, config):
        return get_model_params(self.model)

    def fit(self, parameters, config):
        set_model_params(self.model, parameters)
        x_train, _, y_train, _ = self.data()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.fit(x_train, y_train)

        state = self.context.state
        seen = state["seen"]["rounds"] if "seen" in state else 0
        state["seen"] = ConfigRecord({"rounds": seen + 1})
        return get_model_params(self.model), len(x_train), {"rounds": seen + 1}

    def evaluate(self, parameters, config):
        set_model_params(self.model, parameters)
        _, x_test, _, y_test = self.data()
        loss = log_loss(y_test, self.model.predict_proba(x_test), labels=[0, 1])
        return float(loss), len(x_test), {"accuracy": float(self.model.score(x_test, y_test))}


def client_fn(context: Context):
    return FlowerClient(context, create_model(context.run_config["local-epochs"])).to_client()


app = ClientApp(client_fn=client_fn)
