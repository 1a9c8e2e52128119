"""From the graph to project files."""
