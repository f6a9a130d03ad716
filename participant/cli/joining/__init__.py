"""`fedledger consortium`, `fedledger invite` and `fedledger join`."""
