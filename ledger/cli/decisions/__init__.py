"""`fedledger proposal`: what members decide together."""
