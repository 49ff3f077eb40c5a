"""The pages as people see them, in Chromium."""
