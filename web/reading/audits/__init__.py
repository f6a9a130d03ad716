"""What audits say: the last one of each thing, those made here before, and those of other auditors."""
