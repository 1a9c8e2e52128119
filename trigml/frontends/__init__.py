"""From trained models to the graph."""
