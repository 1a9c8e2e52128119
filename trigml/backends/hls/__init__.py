"""Graph → HLS project through hls4ml; the only room that imports hls4ml."""
