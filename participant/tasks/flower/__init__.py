"""Apps that were written for Flower, as they are, as a task."""
