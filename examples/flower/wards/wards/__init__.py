"""A Flower app: a small network on a table, by the Message API."""
