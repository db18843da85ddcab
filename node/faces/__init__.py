"""What a node shows over HTTP: the player's API, streams, covers, events, and the player itself."""
