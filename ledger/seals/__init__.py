"""Sealed content: updates that only their readers can read, wherever their bytes are kept (docs/spec/seals.md)."""
