"""An audit's report as a file of its own."""
