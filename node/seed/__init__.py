"""The seed: an always-on holder that knows nothing. It keeps sealed bytes that signed lists name, without keys."""
