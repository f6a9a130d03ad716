"""heartbeats: a model, its parameters, and the table that it is trained on."""

import csv
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression


def load_data(path):
    """Four fifths of a table to train on, the rest to test with."""
    with Path(path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    x = np.array([[float(row["a"]) / 10, float(row["b"])] for row in rows])
    y = np.array([int(row["kind"] == "high") for row in rows])
    cut = len(rows) * 4 // 5
    return x[:cut], x[cut:], y[:cut], y[cut:]


def create_model(local_epochs):
    """A model that goes on from its parameters, and has zeros until it is trained."""
    model = LogisticRegression(max_iter=local_epochs, warm_start=True)
    model.classes_ = np.array([0, 1])
    model.coef_ = np.zeros((1, 2))
    model.intercept_ = np.zeros((1,))
    return model


def get_model_params(model):
    return [model.coef_, model.intercept_]


def set_model_params(model, params):
    model.coef_, model.intercept_ = params
    return model
