"""Graph → HLS project through hls4ml; the only room that imports hls4ml."""

from trigml.backends.hls.options import HlsBackend, HlsOptions, IoType, Strategy
from trigml.backends.hls.writer import HlsProject, hls_project

__all__ = ["HlsBackend", "HlsOptions", "HlsProject", "IoType", "Strategy", "hls_project"]
