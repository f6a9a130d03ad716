"""Platform documents in an audit: notices, which change no answer."""
