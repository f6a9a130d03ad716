"""`fedledger stats`: a draft of an analysis, and what one came to."""
