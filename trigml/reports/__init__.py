"""Latency and resource figures with their tier, tool and version."""
