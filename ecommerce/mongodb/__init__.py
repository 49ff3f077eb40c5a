"""MongoDB's own Django backend, where what it asks of MongoDB cannot use an index."""
