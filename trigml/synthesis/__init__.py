"""``trigml synth``: a network as an HLS or RTL project that is checked bit by bit and reported on."""
