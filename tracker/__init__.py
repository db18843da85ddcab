"""The tracker: a post box where a library's devices find each other. It forwards what it cannot read."""
