"""One small consortium as documents: the examples of the interface's description."""
