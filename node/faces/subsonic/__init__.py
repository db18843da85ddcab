"""OpenSubsonic (Subsonic API 1.16.1): what other people's music apps speak, under /rest/."""

from node.faces.subsonic.doorway import routes

__all__ = ["routes"]
