"""One outside thing each: a file, a library, a machine. Doors do not know each other."""
