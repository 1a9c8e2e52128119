"""Graph → distributed-arithmetic logic through alkaid; the only room that imports alkaid."""

from trigml.backends.rtl.network import Logic, logic_of

__all__ = ["Logic", "logic_of"]
