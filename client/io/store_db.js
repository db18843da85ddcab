// The app's small database in this browser (IndexedDB): who this device is, and what lies in its chunk store.

const NAME = "songkeep";
const VERSION = 1;
/** Of the private file system: where the chunks lie that the database lists. */
export const CHUNK_FOLDER = "chunks";

/** @typedef {"self" | "blobs"} Table  self: by name; blobs: by root in base32 */
const TABLES = /** @type {const} */ (["self", "blobs"]);

/** @type {Promise<IDBDatabase> | null} */
let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      for (const table of TABLES) if (!request.result.objectStoreNames.contains(table)) request.result.createObjectStore(table);
    };
    request.onsuccess = () => {
      // Another tab forgets this device: let go, so that it can.
      request.result.onversionchange = () => {
        request.result.close();
        opened = null;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  opened.catch(() => (opened = null));
  return opened;
}

/**
 * @template T
 * @param {Table} table
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} ask
 * @returns {Promise<T>}
 */
async function run(table, mode, ask) {
  const transaction = (await open()).transaction(table, mode);
  const request = ask(transaction.objectStore(table));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error ?? request.error);
    transaction.onerror = () => reject(request.error);
  });
}

/** @param {Table} table @param {string} key @returns {Promise<any>}  undefined: nothing there */
export const read = (table, key) => run(table, "readonly", (store) => store.get(key));

/** @param {Table} table @param {string} key @param {unknown} value */
export const write = (table, key, value) => run(table, "readwrite", (store) => store.put(value, key));

/**
 * Change what stands under a key, in one step whatever other tabs do.
 * @param {Table} table
 * @param {string} key
 * @param {(value: any) => unknown} change  from what is there; undefined leaves it
 * @returns {Promise<boolean>}  whether it was changed
 */
export async function rewrite(table, key, change) {
  let value;
  await run(table, "readwrite", (store) => {
    const request = store.get(key);
    request.onsuccess = () => {
      value = change(request.result);
      if (value !== undefined) store.put(value, key);
    };
    return request;
  });
  return value !== undefined;
}

/** @param {Table} table @param {string} key */
export const erase = (table, key) => run(table, "readwrite", (store) => store.delete(key));

/**
 * Everything in a table, in the order of its keys.
 * @param {Table} table
 * @returns {Promise<[string, any][]>}
 */
export async function readAll(table) {
  const keys = /** @type {string[]} */ (await run(table, "readonly", (store) => store.getAllKeys()));
  const values = await run(table, "readonly", (store) => store.getAll());
  return keys.map((key, at) => [key, values[at]]);
}

/** Forget everything. */
export async function eraseDatabase() {
  (await opened)?.close();
  opened = null;
  await new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(NAME);
    request.onsuccess = resolve;
    request.onerror = () => reject(request.error);
  });
}
