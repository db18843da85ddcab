// Reads questions to a catalog's library from standard input, one JSON array a line: [method, ...arguments]; answers in JSON lines.
// The snapshot is a file named on the command line.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { CatalogLibrary } from "../../client/core/catalog_library.js";
import { readSnapshot } from "../../client/core/catalog_snapshot.js";

const { rows } = await readSnapshot(new Uint8Array(readFileSync(process.argv[2])));
const library = await CatalogLibrary.build(rows);
for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...rest] = JSON.parse(line);
  const answer = method === "counts" ? library.counts : library[method](...rest);
  console.log(JSON.stringify(answer));
}
