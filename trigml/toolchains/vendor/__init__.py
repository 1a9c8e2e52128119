"""The vendors' tools: finding and running them, and reading what they report."""
