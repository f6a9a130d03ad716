"""What the contracts record, and what members sign."""
