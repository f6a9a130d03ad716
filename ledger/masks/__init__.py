"""Masked aggregation: updates as streams of public integers whose sum alone can be read (docs/spec/masks.md)."""
