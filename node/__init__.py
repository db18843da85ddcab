"""Songkeep: your music, from your machines, everywhere, readable by nobody else."""

__version__ = "0.1.0"
