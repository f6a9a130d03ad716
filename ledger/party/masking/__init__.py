"""What a party does for masked jobs, whatever its role."""
