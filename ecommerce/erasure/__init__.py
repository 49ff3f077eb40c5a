"""Erasing a customer: the keys are destroyed, what is not sealed is deleted, and every store is searched afterwards."""
