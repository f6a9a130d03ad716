"""An edge: a member that sums the updates of clients who hold a key and have no account on the chain."""
