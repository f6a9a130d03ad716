"""What a table holds, told before anybody trains on it (docs/data.md)."""
