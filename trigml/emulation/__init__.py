"""Computing the graph on events, bit by bit."""
