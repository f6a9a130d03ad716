"""Tasks: the interface to them, the process of training around it, and what they share."""
