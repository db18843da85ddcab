import assert from "node:assert/strict";
import { test } from "node:test";

import { Pages, PAGE_SIZE } from "../../client/core/pages.js";

const settle = async (times = 20) => {
  for (let i = 0; i < times; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** A list of numbers that can grow at the front, and notes what was asked for. */
function listOf(total) {
  const list = { items: Array.from({ length: total }, (_, i) => i), asked: [], fail: false };
  const pages = new Pages(async (offset, limit) => {
    list.asked.push(offset);
    if (list.fail) throw new Error("out of reach");
    return { total: list.items.length, items: list.items.slice(offset, offset + limit) };
  });
  return { list, pages };
}

test("only the pages that are looked at are fetched", async () => {
  const { list, pages } = listOf(50_000);
  pages.ensure(0, 20);
  await settle();
  pages.ensure(40_000, 40_020);
  await settle();
  assert.deepEqual(list.asked, [0, 40_000]);
  assert.equal(pages.total, 50_000);
  assert.equal(pages.get(40_007), 40_007);
  assert.equal(pages.get(20_000), null);
});

test("pages scrolled past before their turn are not fetched", async () => {
  const { list, pages } = listOf(50_000);
  pages.ensure(0, 0);
  await settle();
  for (let at = 0; at < 50_000; at += PAGE_SIZE) pages.ensure(at, at + 20);
  await settle();
  assert.ok(list.asked.length < 12, `${list.asked.length} requests`);
  assert.equal(pages.get(49_999), 49_999);
});

test("memory stays bounded however far one scrolls", async () => {
  const { pages } = listOf(50_000);
  for (let at = 0; at < 50_000; at += PAGE_SIZE) {
    pages.ensure(at, at);
    await settle(3);
  }
  let held = 0;
  for (let i = 0; i < 50_000; i++) if (pages.get(i) !== null) held++;
  assert.ok(held <= 70 * PAGE_SIZE, `${held} items held`);
});

test("a refresh keeps the old items until the new ones are in, and finds moved ones again", async () => {
  const { list, pages } = listOf(500);
  pages.ensure(200, 220);
  await settle();
  list.items = [-2, -1, ...list.items];
  pages.refresh();
  assert.equal(pages.get(210), 210);
  await settle();
  assert.equal(pages.get(210), 208);
  assert.equal(pages.total, 502);
  assert.equal(pages.indexNear((item) => item === 210, 210), 212);
});

test("an answer from before a refresh never overwrites one from after", async () => {
  const answers = [];
  const pages = new Pages(() => new Promise((resolve) => answers.push(resolve)));
  pages.ensure(0, 0);
  pages.refresh();
  answers[1]({ total: 1, items: ["new"] });
  await settle();
  answers[0]({ total: 1, items: ["old"] });
  await settle();
  assert.equal(pages.get(0), "new");
});

test("a failure is told, and a later wish tries again", async () => {
  const { list, pages } = listOf(10);
  list.fail = true;
  pages.ensure(0, 5);
  await settle();
  assert.ok(pages.error);
  assert.equal(pages.total, null);
  list.fail = false;
  pages.ensure(0, 5);
  await settle();
  assert.equal(pages.get(3), 3);
  assert.equal(pages.error, null);
});

test("a list that shrank forgets what is gone", async () => {
  const { list, pages } = listOf(250);
  pages.ensure(0, 249);
  await settle();
  list.items = list.items.slice(0, 50);
  pages.refresh();
  await settle();
  assert.equal(pages.total, 50);
  assert.equal(pages.get(49), 49);
  assert.equal(pages.get(120), null);
});
