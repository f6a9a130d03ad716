"""What differential privacy costs, in integers that everyone computes alike (docs/spec/privacy.md)."""
