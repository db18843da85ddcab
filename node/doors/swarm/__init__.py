"""The BitTorrent swarm: volumes shared with the library's own devices and with nobody else.

The one package that imports libtorrent. It knows no keys: it moves sealed bytes and checks them by their merkle tree.
"""

from node.doors.swarm.settings import Endpoint, SwarmSettings
from node.doors.swarm.swarm import Swarm
from node.doors.swarm.torrent import Held, PeerView, SharedVolume

__all__ = ["Endpoint", "Held", "PeerView", "SharedVolume", "Swarm", "SwarmSettings"]
