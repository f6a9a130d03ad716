"""The command line: the thin edge that turns arguments into calls and errors into words and exit codes.

A command reads a document from the core, and either prints it (`--json`) or shows it; showing takes the document alone.

Imports: a module has at its top the standard library, click, and what `fedledger --help` loads anyway (ledger.errors,
ledger.config, this package's options, screen and tables). All else costs start-up time (numpy, rich, web3, and what
loads them) and is imported by the function that needs it.
"""
