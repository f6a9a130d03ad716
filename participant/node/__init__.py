"""A participant's node: its steps, its training, and the files it keeps."""
