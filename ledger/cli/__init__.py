"""The command line: the thin edge that turns arguments into calls and errors into words and exit codes."""
