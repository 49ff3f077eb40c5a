"""What every service's HTTP side shares: strict parsing, problem documents, tokens, idempotency."""
