"""What a job says of columns, done: a table's rows become the numbers that a task reads, the same at every party."""
