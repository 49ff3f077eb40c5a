"""Dead letters: what could not be taken on its own is set aside, looked at, mended, replayed or given up, in order."""
