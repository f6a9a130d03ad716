"""What models are worth on data of one's own."""
