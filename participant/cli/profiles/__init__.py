"""Commands between a table and a job: what is shared of it, and the draft that follows."""
