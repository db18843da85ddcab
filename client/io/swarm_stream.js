// The page's side of the service worker: answers its questions with decrypted bytes, piece by piece as they are read.

import { byteRange } from "../core/byte_range.js";
import { chunkOf } from "../core/crypto_blob.js";
import { CHUNK_PLAIN_BYTES } from "../core/crypto_labels.js";

/** @import {BlobRef} from "../core/crypto_blob.js" */
/** @import {Chunks} from "./swarm_chunks.js" */

/** @typedef {{ref: BlobRef, mime: string} | {bytes: Uint8Array<ArrayBuffer>, mime: string}} Content */
/** @typedef {(path: string) => Promise<Content | null>} Find  what stands at a path; null: nothing */

const REGISTER_TIMEOUT_MS = 10_000;
/** The app's own files are kept for later once the first music has had its way. */
const KEEP_SHELL_AFTER_MS = 3_000;

/**
 * Let the service worker ask this page. Rejects where a browser has no service worker.
 * @param {Find} find
 * @param {Chunks} chunks
 */
export async function serveMedia(find, chunks) {
  if (!("serviceWorker" in navigator)) throw new Error("this browser has no service worker");
  const container = navigator.serviceWorker;
  container.addEventListener("message", ({ data, ports }) => {
    if (data?.kind === "bytes" && ports[0]) void answer(ports[0], data, find, chunks);
  });
  container.startMessages();
  await container.register(new URL("sw.js", document.baseURI), { scope: new URL("./", document.baseURI).pathname, updateViaCache: "none" });
  const ready = await container.ready;
  setTimeout(() => ready.active?.postMessage("keep"), KEEP_SHELL_AFTER_MS);
  if (container.controller) return;
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the service worker did not take over")), REGISTER_TIMEOUT_MS);
    container.addEventListener("controllerchange", () => {
      clearTimeout(timer);
      resolve(undefined);
    }, { once: true });
    ready.active?.postMessage("claim");
  });
}

/**
 * @param {MessagePort} port
 * @param {{path: string, range: string | null}} request
 * @param {Find} find
 * @param {Chunks} chunks
 */
async function answer(port, { path, range }, find, chunks) {
  const content = await find(path).catch(() => null);
  if (!content) return port.postMessage({ status: 404, headers: {} });
  const size = "ref" in content ? content.ref.size_bytes : content.bytes.length;
  const part = byteRange(range, size);
  if (!part) return port.postMessage({ status: 416, headers: { "Content-Range": `bytes */${size}` } });
  const headers = /** @type {Record<string, string>} */ ({
    "Content-Type": content.mime,
    "Content-Length": String(part.end - part.start),
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-store",
  });
  if (part.partial) headers["Content-Range"] = `bytes ${part.start}-${part.end - 1}/${size}`;
  const stop = new AbortController();
  const finish = "ref" in content ? chunks.reads(content.ref) : () => {};
  stop.signal.addEventListener("abort", finish, { once: true });
  let at = part.start;
  port.onmessage = async ({ data }) => {
    if (data === "cancel") {
      stop.abort();
      return port.close();
    }
    if (at >= part.end) {
      port.postMessage({ end: true });
      return stop.abort();
    }
    try {
      const bytes = "ref" in content ? await pieceAt(content.ref, at, part.end, chunks, stop.signal) : content.bytes.slice(at, part.end);
      at += bytes.length;
      port.postMessage({ bytes }, [bytes.buffer]);
    } catch {
      if (stop.signal.aborted) return;
      port.postMessage({ error: true });
      stop.abort();
    }
  };
  port.postMessage({ status: part.partial ? 206 : 200, headers });
}

/**
 * @param {BlobRef} ref
 * @param {number} at
 * @param {number} end
 * @param {Chunks} chunks
 * @param {AbortSignal} signal
 */
async function pieceAt(ref, at, end, chunks, signal) {
  const index = chunkOf(at);
  const plain = await chunks.read(ref, index, signal);
  const begins = index * CHUNK_PLAIN_BYTES;
  // A copy: the piece is given away, the chunk stays in memory.
  return plain.slice(at - begins, end - begins);
}
