"""The court's convictions, audited: what was shown to it is judged again, and who signed what it convicted."""
