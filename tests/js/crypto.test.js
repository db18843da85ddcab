import assert from "node:assert/strict";
import { test } from "node:test";

import { concat, fromHex, toHex, utf8 } from "../../client/core/bytes.js";
import { derive, missingCrypto, sha256, verify } from "../../client/core/crypto.js";
import { BlobCipher, blobCipher, shapeOf } from "../../client/core/crypto_blob.js";
import { AES_128_GCM, hpkeOpen, hpkeSeal } from "../../client/core/crypto_hpke.js";
import { EpochKeys, MemberKeys, sealTo } from "../../client/core/crypto_keys.js";
import { LABEL_SIGN_JOIN, LABEL_SIGN_MESSAGE } from "../../client/core/crypto_labels.js";
import { faultOf, memberKeys, vectors, x25519, x25519Pair } from "./vectors.js";

const keys = vectors("keys");
const blobs = vectors("blobs");

/** tests/vectors/make.py, pattern(). */
const pattern = (size) => Uint8Array.from({ length: size }, (_, at) => (7 * at + (at >> 8)) & 0xff);

test("keys are derived as Python derives them", async () => {
  for (const { secret, label, context, length_bytes, out } of keys.derive) {
    assert.equal(toHex(await derive(fromHex(secret), utf8(label), fromHex(context), length_bytes)), out);
  }
  const epoch = new EpochKeys(keys.epoch.number, fromHex(keys.epoch.secret));
  assert.equal(toHex(await epoch.roomName()), keys.epoch.room_name);
});

test("a signature is the one that Python makes, and holds for its use alone", async () => {
  const member = await memberKeys(keys.sign.keys);
  const message = fromHex(keys.sign.message);
  const signature = await member.sign(utf8(keys.sign.label), message);
  assert.equal(toHex(signature), keys.sign.signature);
  await verify(member.id, LABEL_SIGN_MESSAGE, message, signature);
  assert.equal(await faultOf(() => verify(member.id, LABEL_SIGN_JOIN, message, signature)), "peer");
  assert.equal(await faultOf(() => verify(member.id, LABEL_SIGN_MESSAGE, utf8("other"), signature)), "peer");
});

test("HPKE gives RFC 9180's own test vector (A.1.1)", async () => {
  const ephemeral = await x25519Pair(
    "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
    "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
  );
  const recipient = "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d";
  const info = fromHex("4f6465206f6e2061204772656369616e2055726e");
  const plain = fromHex("4265617574792069732074727574682c20747275746820626561757479");
  const options = { aead: AES_128_GCM, associated: utf8("Count-0") };
  const sealed = await hpkeSeal(fromHex(recipient), info, plain, { ...options, ephemeral });
  assert.equal(toHex(sealed.subarray(0, 32)), "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
  assert.equal(toHex(sealed.subarray(32)), "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a");
  const secret = await x25519("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8");
  assert.deepEqual(await hpkeOpen({ secret, public: fromHex(recipient) }, info, sealed, options), plain);
});

test("what Python sealed to a member opens here, and nothing else does", async () => {
  const { keys: member, label, context, plain, sealed } = keys.seal_to;
  const reader = await memberKeys(member);
  assert.equal(toHex(await reader.openSealed(utf8(label), fromHex(sealed), fromHex(context))), plain);
  const altered = fromHex(sealed);
  altered[altered.length - 1] ^= 1;
  assert.equal(await faultOf(() => reader.openSealed(utf8(label), altered, fromHex(context))), "refused");
  assert.equal(await faultOf(() => reader.openSealed(utf8(label), fromHex(sealed), fromHex("00000002"))), "refused");
  assert.equal(await faultOf(() => reader.openSealed(utf8(label), new Uint8Array(10), fromHex(context))), "refused");
  const zero = concat(new Uint8Array(32), fromHex(sealed).subarray(32));
  assert.equal(await faultOf(() => reader.openSealed(utf8(label), zero, fromHex(context))), "refused");
});

test("a member's new keys work and can't be taken away", async () => {
  const fresh = await MemberKeys.generate();
  const sealed = await sealTo(fresh.receivePublic, utf8("songkeep/v1/hpke/epoch"), utf8("secret"));
  assert.equal(sealed.length, 6 + 48);
  assert.deepEqual(await fresh.openSealed(utf8("songkeep/v1/hpke/epoch"), sealed), utf8("secret"));
  assert.equal(fresh.kept.sign.extractable, false);
  assert.equal(fresh.kept.receive.extractable, false);
  assert.equal(await missingCrypto(), "");
});

test("sizes of blobs are Python's", () => {
  for (const { size_bytes, padded_bytes, chunks, sealed_bytes } of blobs) {
    assert.deepEqual(shapeOf(size_bytes), { size_bytes, padded_bytes, chunks, sealed_bytes });
  }
  // Around powers of two, where a rounded logarithm would err.
  for (const power of [11, 20, 30, 31, 32, 40]) {
    const { padded_bytes } = shapeOf(2 ** power - 1);
    assert.equal(padded_bytes, 2 ** power);
    assert.equal(shapeOf(2 ** power).padded_bytes, 2 ** power);
  }
});

test("blobs that Python sealed open to their plaintext", async () => {
  let opened = 0;
  for (const { size_bytes, key, commitment, sealed } of blobs) {
    const cipher = await blobCipher({ key: fromHex(key), size_bytes, commitment: fromHex(commitment) });
    if (!sealed) continue;
    const plain = await Promise.all(sealed.map((chunk, index) => cipher.openChunk(index, fromHex(chunk))));
    assert.deepEqual(concat(...plain), pattern(size_bytes));
    opened++;
  }
  assert.ok(opened >= 6);
});

test("a key that the catalog did not commit to is refused", async () => {
  const { key, size_bytes, commitment } = blobs[3];
  const wrong = fromHex(commitment);
  wrong[31] ^= 1;
  assert.equal(await faultOf(() => blobCipher({ key: fromHex(key), size_bytes, commitment: wrong })), "refused");
  assert.equal(await faultOf(() => blobCipher({ key: fromHex(key), size_bytes: 2 ** 41, commitment: fromHex(commitment) })), "refused");
});

test("chunks that are not what was sealed do not open", async () => {
  const commitments = Object.fromEntries(blobs.map(({ key, commitment }) => [key, commitment]));
  for (const { guards, key, size_bytes, index, sealed } of vectors("blob_refusals")) {
    const cipher = await blobCipher({ key: fromHex(key), size_bytes, commitment: fromHex(commitments[key]) });
    assert.ok(cipher instanceof BlobCipher);
    assert.equal(await faultOf(() => cipher.openChunk(index, fromHex(sealed))), "damaged", guards);
  }
});

test("SHA-256 is SHA-256", async () => {
  assert.equal(toHex(await sha256(new Uint8Array(0))), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});
