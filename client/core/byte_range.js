// HTTP ranges (RFC 9110, section 14), as <audio> asks for them.

/**
 * @param {string | null} header  the Range header
 * @param {number} size_bytes  of the whole
 * @returns {{start: number, end: number, partial: boolean} | null}  `end` is the first byte not given; null: not to be met (416)
 */
export function byteRange(header, size_bytes) {
  const match = /^bytes=(\d*)-(\d*)$/.exec((header ?? "").trim());
  if (!match || (!match[1] && !match[2])) return { start: 0, end: size_bytes, partial: false };
  const [, first, last] = match;
  const start = first ? Number(first) : Math.max(0, size_bytes - Number(last));
  const end = first && last ? Math.min(size_bytes, Number(last) + 1) : size_bytes;
  return start < end ? { start, end, partial: true } : null;
}
