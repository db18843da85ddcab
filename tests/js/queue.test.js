import assert from "node:assert/strict";
import { test } from "node:test";

import * as q from "../../client/core/queue.js";
import { seeded, tracks } from "./player_fixtures.js";

const ids = (queue) => queue.entries.map((entry) => entry.track.id);
const now = (queue) => q.current(queue)?.track.id;
const filled = (count, start = 0, random = seeded(1)) => q.playAll(q.EMPTY, tracks(count), start, random);

/** Play to the end, or for so many steps; gives the ids in the order they sounded. */
function played(queue, random, steps = 1000) {
  const out = [];
  for (let at = queue; at && out.length < steps; at = q.next(at, true, random)) out.push(now(at));
  return out;
}

test("songs play in order from the one that was chosen", () => {
  assert.deepEqual(played(filled(5, 2), seeded(1)), ["2", "3", "4"]);
});

test("a queue without repeat ends", () => {
  assert.equal(q.next(filled(3, 2), true, seeded(1)), null);
  assert.equal(q.next(q.EMPTY, true, seeded(1)), null);
});

test("repeat-all begins again at the top", () => {
  assert.deepEqual(played(q.withRepeat(filled(2), "all"), seeded(1), 5), ["0", "1", "0", "1", "0"]);
});

test("repeat-one holds a song that ran out, and lets go when the person skips", () => {
  const queue = q.withRepeat(filled(3), "one");
  assert.equal(now(q.next(queue, true, seeded(1))), "0");
  assert.equal(now(q.next(queue, false, seeded(1))), "1");
});

test("shuffle plays every song once, the chosen one first", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = seeded(seed);
    const count = 1 + (seed % 40);
    const queue = q.playAll({ ...q.EMPTY, shuffle: true }, tracks(count), seed % count, random);
    const order = played(queue, random);
    assert.equal(order[0], String(seed % count));
    assert.equal(new Set(order).size, count);
    assert.equal(order.length, count);
  }
});

test("two shuffles differ", () => {
  const one = played(q.playAll({ ...q.EMPTY, shuffle: true }, tracks(30), 0, seeded(1)), seeded(1));
  const other = played(q.playAll({ ...q.EMPTY, shuffle: true }, tracks(30), 0, seeded(2)), seeded(2));
  assert.notDeepEqual(one, other);
});

test("back in a shuffled queue goes through what was heard, in that order", () => {
  const random = seeded(5);
  let queue = q.playAll({ ...q.EMPTY, shuffle: true }, tracks(10), 0, random);
  const heard = [now(queue)];
  for (let i = 0; i < 4; i++) {
    queue = q.next(queue, true, random);
    heard.push(now(queue));
  }
  for (const id of heard.slice(0, -1).reverse()) {
    queue = q.previous(queue);
    assert.equal(now(queue), id);
  }
  assert.equal(q.previous(queue), null);
});

test("shuffle turned on midway repeats nothing that was heard and leaves nothing out", () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = seeded(seed);
    let queue = filled(12, 3);
    const heard = [now(queue)];
    for (let i = 0; i < seed % 6; i++) {
      queue = q.next(queue, true, random);
      heard.push(now(queue));
    }
    const rest = played(q.withShuffle(queue, true, random), random).slice(1);
    // Songs before the chosen one were not heard: they come too.
    assert.deepEqual([...heard, ...rest].sort(), tracks(12).map((each) => each.id).sort());
  }
});

test("shuffle turned off goes on from the current song in the album's order", () => {
  const random = seeded(3);
  const queue = q.next(q.playAll({ ...q.EMPTY, shuffle: true }, tracks(8), 0, random), true, random);
  const plain = q.withShuffle(queue, false, random);
  assert.deepEqual(ids(plain), tracks(8).map((each) => each.id));
  assert.equal(now(plain), now(queue));
});

test("a shuffled queue that repeats is shuffled anew and never opens with what just played", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = seeded(seed);
    const queue = q.withRepeat(q.playAll({ ...q.EMPTY, shuffle: true }, tracks(4), 0, random), "all");
    const order = played(queue, random, 8);
    assert.equal(new Set(order.slice(0, 4)).size, 4);
    assert.equal(new Set(order.slice(4)).size, 4);
    assert.notEqual(order[3], order[4]);
  }
});

test("what follows is known ahead, unless a reshuffle decides it", () => {
  assert.equal(q.following(filled(3))?.track.id, "1");
  assert.equal(q.following(filled(3, 2)), null);
  assert.equal(q.following(q.withRepeat(filled(3, 2), "all"))?.track.id, "0");
  assert.equal(q.following(q.withRepeat(filled(3, 1), "one"))?.track.id, "1");
  const shuffled = q.withRepeat(q.playAll({ ...q.EMPTY, shuffle: true }, tracks(1), 0, seeded(1)), "all");
  assert.equal(q.following(shuffled), null);
});

test("what is known ahead is what comes", () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = seeded(seed);
    let queue = q.playAll({ ...q.EMPTY, shuffle: seed % 2 === 0 }, tracks(6), seed % 6, random);
    queue = q.withRepeat(queue, /** @type {any} */ (["off", "all", "one"][seed % 3]));
    for (let i = 0; i < 15; i++) {
      const ahead = q.following(queue);
      const next = q.next(queue, true, random);
      if (ahead) assert.equal(q.current(next)?.key, ahead.key);
      if (!next) break;
      queue = next;
    }
  }
});

test("play-next comes right after the current song, play-last at the end, in the order given", () => {
  let queue = filled(3);
  queue = q.playNext(queue, [{ ...tracks(1)[0], id: "a" }, { ...tracks(1)[0], id: "b" }]);
  queue = q.playLast(queue, [{ ...tracks(1)[0], id: "z" }]);
  assert.deepEqual(ids(queue), ["0", "a", "b", "1", "2", "z"]);
});

test("adding to an empty queue makes the first one current", () => {
  assert.equal(now(q.playLast(q.EMPTY, tracks(2))), "0");
  assert.equal(now(q.playNext(q.EMPTY, tracks(2))), "0");
  assert.equal(q.playNext(q.EMPTY, []).at, -1);
});

test("removing keeps the current song current, and its successor takes its place when it is the one", () => {
  const queue = filled(4, 2);
  assert.equal(now(q.remove(queue, queue.entries[0].key)), "2");
  assert.equal(now(q.remove(queue, queue.entries[2].key)), "3");
  const last = filled(2, 1);
  assert.equal(now(q.remove(last, last.entries[1].key)), "0");
  const only = filled(1);
  assert.equal(q.remove(only, only.entries[0].key).at, -1);
  assert.equal(q.remove(only, 999), only);
});

test("moving an entry keeps the current song current, wherever either lands", () => {
  for (let from = 0; from < 5; from++) {
    for (let to = 0; to < 5; to++) {
      const queue = filled(5, 2);
      const moved = q.move(queue, queue.entries[from].key, to);
      assert.equal(now(moved), "2");
      assert.equal(moved.entries[to].track.id, String(from));
      assert.deepEqual([...ids(moved)].sort(), ["0", "1", "2", "3", "4"]);
    }
  }
});

test("a move outlives turning shuffle on and off", () => {
  const queue = filled(4);
  const moved = q.move(queue, queue.entries[3].key, 1);
  const back = q.withShuffle(q.withShuffle(moved, true, seeded(2)), false, seeded(2));
  assert.deepEqual(ids(back), ["0", "3", "1", "2"]);
});

test("clearing leaves the current song alone", () => {
  const queue = q.clear(filled(9, 4));
  assert.deepEqual(ids(queue), ["4"]);
  assert.equal(q.clear(q.EMPTY), q.EMPTY);
});

test("no queue grows beyond its limit, and the chosen song is inside it", () => {
  const queue = filled(q.QUEUE_LIMIT + 500, q.QUEUE_LIMIT + 300);
  assert.equal(queue.entries.length, q.QUEUE_LIMIT);
  assert.equal(now(queue), String(q.QUEUE_LIMIT + 300));
  assert.equal(q.playLast(queue, tracks(10)).entries.length, q.QUEUE_LIMIT);
  assert.equal(q.playNext(queue, tracks(10)).entries.length, q.QUEUE_LIMIT);
});

test("any sequence of changes leaves a queue that is whole", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = seeded(seed);
    const pick = (queue) => queue.entries[Math.floor(random() * queue.entries.length)]?.key ?? -1;
    /** @type {((queue: q.Queue) => q.Queue)[]} */
    const changes = [
      (queue) => q.playNext(queue, tracks(2)),
      (queue) => q.playLast(queue, tracks(3)),
      (queue) => q.remove(queue, pick(queue)),
      (queue) => q.move(queue, pick(queue), Math.floor(random() * 12) - 1),
      (queue) => q.withShuffle(queue, random() < 0.5, random),
      (queue) => q.withRepeat(queue, random() < 0.5 ? "all" : "off"),
      (queue) => q.next(queue, random() < 0.5, random) ?? queue,
      (queue) => q.previous(queue) ?? queue,
      (queue) => q.jumpTo(queue, pick(queue)),
      (queue) => (random() < 0.1 ? q.clear(queue) : queue),
    ];
    let queue = filled(6, 0, random);
    for (let i = 0; i < 40; i++) {
      queue = changes[Math.floor(random() * changes.length)](queue);
      const keys = queue.entries.map((entry) => entry.key);
      assert.equal(new Set(keys).size, keys.length);
      assert.deepEqual([...queue.natural].sort((a, b) => a - b), [...keys].sort((a, b) => a - b));
      assert.ok(keys.length ? queue.at >= 0 && queue.at < keys.length : queue.at === -1);
    }
  }
});
