"""The command line. Each command talks HTTP to the node that runs here, or to one that it starts for the moment."""
