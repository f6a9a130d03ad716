"""What parties tell each other of their tables before there is a job, and the draft that follows from it."""
