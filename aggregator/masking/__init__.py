"""An aggregator's part in masked jobs: segments, casts and sets (docs/spec/masks.md, "Phases")."""
