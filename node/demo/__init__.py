"""A dozen tunes that the program makes itself, so that anybody sees and hears it working at once."""

from node.demo.making import make_demo

__all__ = ["make_demo"]
