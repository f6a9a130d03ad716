"""Noise in training: what hides single rows of private data (docs/spec/privacy.md)."""
