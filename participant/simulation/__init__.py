"""Many clients in one process: a job tried out before anyone founds a consortium for it (docs/simulate.md)."""
