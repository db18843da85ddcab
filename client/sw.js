// The service worker: gives <audio> and <img> what the page fetches and decrypts, and the app's own files when there is no network.
// Connections to other devices live in the page, so the page is asked for every piece.

/** @typedef {ServiceWorkerGlobalScope & typeof globalThis} Scope */
const scope = /** @type {Scope} */ (/** @type {unknown} */ (self));

/** Paths below the app's own that the page answers. */
const FROM_PAGE = /^(stream|cover)\//;
/** The page has this long to say whether it has something; what it must fetch first it says at once. */
const HEAD_TIMEOUT_MS = 30_000;

scope.addEventListener("install", () => void scope.skipWaiting());
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("message", (event) => {
  // A page that was loaded past this worker (shift and reload) asks to be served again.
  if (event.data === "claim") event.waitUntil(scope.clients.claim());
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  if (!request.url.startsWith(scope.registration.scope) || request.method !== "GET") return;
  const path = request.url.slice(scope.registration.scope.length);
  if (FROM_PAGE.test(path)) event.respondWith(fromPage(event.clientId, path, request.headers.get("Range")));
});

/**
 * @param {string} clientId
 * @param {string} path
 * @param {string | null} range
 */
async function fromPage(clientId, path, range) {
  const page = await scope.clients.get(clientId);
  if (!page) return new Response(null, { status: 503 });
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), HEAD_TIMEOUT_MS);
    port1.onmessage = ({ data }) => {
      clearTimeout(timer);
      resolve(data);
    };
  });
  page.postMessage({ kind: "bytes", path, range }, [port2]);
  const head = /** @type {{status: number, headers: Record<string, string>} | null} */ (await answer);
  if (!head) {
    port1.close();
    return new Response(null, { status: 504 });
  }
  return new Response(head.status < 300 ? bodyFrom(port1) : null, { status: head.status, headers: head.headers });
}

/**
 * A body that asks the page for its next piece whenever the reader has room for it.
 * @param {MessagePort} port
 */
function bodyFrom(port) {
  /** @type {(() => void) | null} */
  let pulled = null;
  return new ReadableStream(
    {
      start(controller) {
        port.onmessage = ({ data }) => {
          if (data.bytes) controller.enqueue(data.bytes);
          else if (data.end) controller.close();
          else controller.error(new Error("the rest can't be had now"));
          if (!data.bytes) port.close();
          pulled?.();
        };
      },
      pull() {
        port.postMessage("pull");
        return new Promise((resolve) => {
          pulled = () => resolve(undefined);
        });
      },
      cancel() {
        port.postMessage("cancel");
        port.close();
        pulled?.();
      },
    },
    { highWaterMark: 0 },
  );
}
