"""A place in a distributed hash table (BEP 5, BEP 44): small records are put there, and found by who knows their key.

libtorrent's own DHT, in a session of its own: the swarm's filter, which admits the library's devices alone, would keep
its nodes out. It knows no keys of the library, and what it stores and finds is for others to judge.
"""

from node.dht.session import Dht, DhtSettings

__all__ = ["Dht", "DhtSettings"]
