"""`fedledger node`: a participant's commands."""
