"""What Songkeep does, one story a module: take music in, play it, give it back, prove that it is whole."""
