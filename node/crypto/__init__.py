"""Songkeep's cryptography: what is composed from the `cryptography` package, as docs/FORMAT.md says.

Pure: keys, random bytes and times are arguments. Nothing here reads a clock, a file or a socket.
"""
