"""Looking into a network: proven and seen ranges, idle bits, saturation, products, overflow."""
