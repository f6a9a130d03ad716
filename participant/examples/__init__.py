"""Examples with real data that need nothing but fedledger[node]: `fedledger node example NAME FOLDER`."""
