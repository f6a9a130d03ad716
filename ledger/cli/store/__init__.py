"""`fedledger store`: the content that a home keeps."""
