"""The same events through every stage: differing words and where they first part."""
