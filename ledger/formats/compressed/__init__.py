"""Compressed updates as files: small integers, and a shift for each tensor (docs/spec/artifact.md)."""
