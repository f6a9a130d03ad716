"""What a consortium's ledger has, in MLflow: experiments, runs and model versions, written one way."""
