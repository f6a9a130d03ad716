"""Private data in files: read strictly, nothing guessed."""
