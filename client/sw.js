// The service worker: gives <audio> and <img> what the page fetches and decrypts, and the app's own files when there is no network.
// Connections to other devices live in the page, so the page is asked for every piece.

/** @typedef {ServiceWorkerGlobalScope & typeof globalThis} Scope */
const scope = /** @type {Scope} */ (/** @type {unknown} */ (self));

/** Paths below the app's own that the page answers. */
const FROM_PAGE = /^(stream|cover)\//;
/** The page has this long to say whether it has something; what it must fetch first it says at once. */
const HEAD_TIMEOUT_MS = 30_000;

/** What those are for. They are no pages: a stolen member could have chosen their types. */
const SOUND_AND_PICTURES = new Set(["audio", "image", "video", ""]);
const HARMLESS = { "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'" };

/** Paths that are never the app's: rooms, seeds, a node's API. */
const FROM_SERVER = /^(v1|api|healthz|metrics|sw\.js)/;
/** Kept versions of the app begin with this, a sum over all of their files follows. */
const SHELL = "songkeep-shell-";
const POINTER = "songkeep-current";
/** Small covers that the page kept. */
const COVERS = "songkeep-covers";
const MAX_FILES = 500;
/** How files name one another, by their ending. @type {Record<string, RegExp>} */
const NAMES = {
  html: /(?:src|href)="([^"#:]+)"/g,
  js: /(?:from|import|import\(|new URL\()\s*"(\.{1,2}\/[^"]+)"/g,
  css: /url\("?([^")#:]+)"?\)/g,
  webmanifest: /"src":\s*"([^"]+)"/g,
};
/** Which version each open page began with. @type {Map<string, string>} */
const versions = new Map();

scope.addEventListener("install", () => void scope.skipWaiting());
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("message", (event) => {
  // A page that was loaded past this worker (shift and reload) asks to be served again.
  if (event.data === "claim") event.waitUntil(scope.clients.claim());
  if (event.data === "keep") event.waitUntil(keepShell());
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  if (!request.url.startsWith(scope.registration.scope) || request.method !== "GET") return;
  const path = request.url.slice(scope.registration.scope.length).replace(/[?#].*$/, "");
  if (FROM_PAGE.test(path)) {
    const asked = request.mode !== "navigate" && SOUND_AND_PICTURES.has(request.destination);
    event.respondWith(asked ? fromPage(event.clientId, path, request.headers.get("Range")) : new Response("Sound and pictures are no pages.", { status: 404, headers: HARMLESS }));
  } else if (!FROM_SERVER.test(path)) event.respondWith(fromShell(event, path));
});

/**
 * A file of the app: as it was kept, all of one page's from one version; else from the network.
 * @param {FetchEvent} event
 * @param {string} path
 */
async function fromShell({ request, clientId, resultingClientId }, path) {
  const whole = request.mode === "navigate";
  const version = (whole ? undefined : versions.get(clientId)) ?? (await currentVersion());
  if (version) {
    if (whole) versions.set(resultingClientId, version);
    const kept = await (await caches.open(version)).match(whole ? "./" : path);
    if (kept) return kept;
  }
  return fetch(request);
}

/** The version that is kept whole; "" when none is yet. */
async function currentVersion() {
  const pointer = await (await caches.open(POINTER)).match(POINTER);
  return pointer ? pointer.text() : "";
}

/** Keep the app as the server has it now, if that is another than is kept: found by following what its files name. */
async function keepShell() {
  /** @type {Map<string, Response>} */
  const files = new Map();
  let wanted = ["./"];
  while (wanted.length) {
    const fetched = await Promise.all(wanted.map(async (path) => [path, await fetch(path, { cache: "no-cache" })]));
    wanted = [];
    for (const [path, response] of /** @type {[string, Response][]} */ (fetched)) {
      if (!response.ok) throw new Error(`${path} is missing`);
      files.set(path, response.clone());
      for (const found of await named(path, response)) if (!files.has(found) && !wanted.includes(found)) wanted.push(found);
    }
    if (files.size + wanted.length > MAX_FILES) throw new Error("the app has too many files");
  }
  await keepVersion(files);
}

/**
 * Paths, from the app's own folder, that a file names.
 * @param {string} path
 * @param {Response} response
 */
async function named(path, response) {
  const type = path === "./" ? "html" : path.slice(path.lastIndexOf(".") + 1);
  const pattern = NAMES[type];
  if (!pattern) return [];
  const base = new URL(path, scope.registration.scope);
  const found = [...(await response.text()).matchAll(pattern)].map((match) => new URL(match[1], base));
  return found.flatMap(({ href }) => (href.startsWith(scope.registration.scope) ? [href.slice(scope.registration.scope.length) || "./"] : []));
}

/** @param {Map<string, Response>} files */
async function keepVersion(files) {
  const sums = await Promise.all(
    [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(async ([path, response]) => `${path} ${await sum(await response.clone().arrayBuffer())}`),
  );
  const version = `${SHELL}${await sum(new TextEncoder().encode(sums.join("\n")))}`;
  const before = await currentVersion();
  if (version === before) return;
  const cache = await caches.open(version);
  await Promise.all([...files].map(([path, response]) => cache.put(path, response)));
  await (await caches.open(POINTER)).put(POINTER, new Response(version));
  // Pages that are open go on with the version that they began with.
  for (const name of await caches.keys()) if (name.startsWith(SHELL) && name !== version && name !== before) await caches.delete(name);
}

/** @param {BufferSource} bytes */
async function sum(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} clientId
 * @param {string} path
 * @param {string | null} range
 */
async function fromPage(clientId, path, range) {
  const kept = path.startsWith("cover/") ? await (await caches.open(COVERS)).match(path) : undefined;
  if (kept) return kept;
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
  return new Response(head.status < 300 ? bodyFrom(port1) : null, { status: head.status, headers: { ...head.headers, ...HARMLESS } });
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
