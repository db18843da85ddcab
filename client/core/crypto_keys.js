// A device's own keys, and what an epoch's secret gives.

import { aesKey, derive, labelled } from "./crypto.js";
import { hpkeOpen, hpkeSeal } from "./crypto_hpke.js";
import { LABEL_HEADS, LABEL_LOG, LABEL_ROOM, LABEL_ROOM_NAME, LABEL_ROOM_SENDER } from "./crypto_labels.js";
import { toBase32 } from "./bytes.js";

/** @import {Bytes} from "./bytes.js" */

/**
 * @typedef {object} KeptKeys  What IndexedDB holds of a device: keys that the browser uses for us and never shows.
 * @property {CryptoKey} sign  Ed25519
 * @property {CryptoKey} receive  X25519
 * @property {Bytes} sign_public  32 bytes, also the device's identifier
 * @property {Bytes} receive_public  32 bytes
 * @property {SealedKey} [receive_sealed]  `receive` again, where a database loses such keys
 */

/** @typedef {{cover?: CryptoKey, nonce: Bytes, sealed: Bytes}} SealedKey  `cover`: the AES key, which no script can read */

/** A roster member's own two key pairs. */
export class MemberKeys {
  #kept;

  /** @param {KeptKeys} kept */
  constructor(kept) {
    this.#kept = kept;
  }

  /**
   * New keys, not extractable: a script that got in could use them, but not carry them away.
   * @param {(receive: CryptoKey) => Promise<SealedKey>} [seal]  where a database loses receiving keys: such a one is extractable until it was sealed
   */
  static async generate(seal) {
    const sign = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]));
    const receive = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("X25519", seal !== undefined, ["deriveBits"]));
    return new MemberKeys({
      sign: sign.privateKey,
      receive: receive.privateKey,
      sign_public: new Uint8Array(await crypto.subtle.exportKey("raw", sign.publicKey)),
      receive_public: new Uint8Array(await crypto.subtle.exportKey("raw", receive.publicKey)),
      ...(seal ? { receive_sealed: await seal(receive.privateKey) } : {}),
    });
  }

  get kept() {
    return this.#kept;
  }

  /** This device's identifier: its public signing key. */
  get id() {
    return this.#kept.sign_public;
  }

  get receivePublic() {
    return this.#kept.receive_public;
  }

  /**
   * Ed25519 over a label, a zero byte and a message: 64 bytes.
   * @param {Uint8Array} label
   * @param {Uint8Array} message
   * @returns {Promise<Bytes>}
   */
  async sign(label, message) {
    return new Uint8Array(await crypto.subtle.sign("Ed25519", this.#kept.sign, labelled(label, message)));
  }

  /**
   * What `sealTo` sealed for this member. Throws a WireError "refused".
   * @param {Uint8Array} label
   * @param {Uint8Array} sealed
   * @param {Uint8Array} [context]
   */
  openSealed(label, sealed, context = new Uint8Array(0)) {
    return hpkeOpen({ secret: this.#kept.receive, public: this.#kept.receive_public }, labelled(label, context), sealed);
  }
}

/**
 * Seal to one member; the result is 48 bytes longer.
 * @param {Uint8Array} receive  the member's X25519 public key
 * @param {Uint8Array} label
 * @param {Uint8Array} plain
 * @param {Uint8Array} [context]
 */
export const sealTo = (receive, label, plain, context = new Uint8Array(0)) => hpkeSeal(receive, labelled(label, context), plain);

/** All that one epoch's secret of 32 bytes gives to a phone. */
export class EpochKeys {
  #secret;
  /** @type {Map<string, Promise<CryptoKey>>} */
  #ciphers = new Map();
  /** @type {Promise<Bytes> | undefined} */
  #room;

  /**
   * @param {number} number
   * @param {Bytes} secret
   */
  constructor(number, secret) {
    this.number = number;
    this.#secret = secret;
  }

  /** Where devices of this epoch meet: 32 bytes that tell an outsider nothing. */
  roomName() {
    return derive(this.#secret, LABEL_ROOM_NAME);
  }

  /** What a member's heads records are sealed with. @param {Uint8Array} device */
  async headsCipher(device) {
    return aesKey(await derive(await derive(this.#secret, LABEL_LOG), LABEL_HEADS, device));
  }

  /**
   * What a member's messages to the room are sealed with: a key of its own, so that nonces of different devices can't meet.
   * @param {Uint8Array} sender
   */
  roomCipher(sender) {
    const name = toBase32(sender);
    const known = this.#ciphers.get(name);
    if (known) return known;
    this.#room ??= derive(this.#secret, LABEL_ROOM);
    const made = this.#room.then((room) => derive(room, LABEL_ROOM_SENDER, sender)).then(aesKey);
    this.#ciphers.set(name, made);
    return made;
  }
}
