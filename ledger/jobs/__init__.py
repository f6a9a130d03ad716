"""The job's document: all that a verdict on its rounds depends on."""
