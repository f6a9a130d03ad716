"""A released model behind the Open Inference Protocol: followed on the ledger, and every prediction on a log."""
