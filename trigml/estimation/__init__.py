"""Estimates of what an HLS tool would report, fitted to real reports; nothing here runs a vendor's tool."""

from trigml.estimation.hls import HlsEstimate, estimate_hls

__all__ = ["HlsEstimate", "estimate_hls"]
