"""The tasks that come with fedledger."""
