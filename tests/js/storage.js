// As much of IndexedDB and of the browser's storage as the app's keeping asks for.

const answered = (result) => {
  const request = { result };
  queueMicrotask(() => request.onsuccess?.());
  return request;
};

/** Have Node.js look like a browser with empty storage. */
export function giveStorage() {
  const tables = { self: new Map(), blobs: new Map() };
  const database = {
    transaction: (table) => {
      const transaction = {
        objectStore: () => ({
          get: (key) => ({ result: tables[table].get(key) }),
          put: (value, key) => ({ result: tables[table].set(key, value) && key }),
        }),
      };
      setImmediate(() => transaction.oncomplete?.());
      return transaction;
    },
  };
  globalThis.indexedDB = { open: () => answered(database) };
  globalThis.navigator = { storage: { estimate: async () => ({ quota: 1e9, usage: 0 }) } };
}
