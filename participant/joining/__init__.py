"""How parties come together: invites, the address files that answer them, and a founding under way."""
