"""The audit: proves the promises from the databases, and names what breaks them."""
