"""What belongs to no service: users, sessions, tokens and the key vault."""
