"""The tasks that come with fedledger (docs/tasks.md)."""
