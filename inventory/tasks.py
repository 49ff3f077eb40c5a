"""Inventory has no tasks: it asks nobody outside, and it never releases by a clock of its own.

A reservation that gets too old is the order's deadline, which asks shipping like any other cancellation.
"""
