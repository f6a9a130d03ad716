"""The process in which a task's code runs: it has no key and no duty, and ends with its work."""
