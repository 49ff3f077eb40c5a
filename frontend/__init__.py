"""What people look at: the dashboard and its live projection."""
