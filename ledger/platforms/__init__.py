"""Platform documents: what trusted hardware says of the machine that made an update."""
