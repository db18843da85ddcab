// Whether the other end of a connection is in this phone's own network.

const IPV4_NEAR = /^(10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01]))\./;
const IPV6_NEAR = /^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/i;

/**
 * Public IPv6 addresses are not translated, and far.
 * @param {string | undefined} kind  of the remote candidate
 * @param {string} address  "" or a .local name where the browser hides it: within a network only
 */
export function isNearby(kind, address) {
  if (kind !== "host") return false;
  return address === "" || address === "::1" || address.endsWith(".local") || IPV4_NEAR.test(address) || IPV6_NEAR.test(address);
}
