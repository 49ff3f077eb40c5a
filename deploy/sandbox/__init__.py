"""A payment gateway and a carrier to try the pipeline on: HTTP servers of their own, each with a durable ledger."""
