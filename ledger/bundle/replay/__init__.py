"""The contracts' rules over the calls of a bundle: what the log would have said follows from them, and is not read."""
