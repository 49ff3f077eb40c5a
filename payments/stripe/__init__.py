"""Stripe as a payment gateway: its API, what is made of its answers, and its webhooks."""
