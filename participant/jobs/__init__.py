"""From a draft to a job."""
