"""What was done, in formats that others' tools check: in-toto in DSSE, model signing, CycloneDX and PROV."""
