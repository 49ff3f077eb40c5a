"""The events as others may rely on them: their schemas, by version, and what may change between two of them."""
