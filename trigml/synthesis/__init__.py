"""``trigml synth``: a run's graph as an HLS or RTL project that is checked bit by bit and reported on."""
