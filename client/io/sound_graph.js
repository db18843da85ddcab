// The detour of the sound through an AudioContext, where it needs one (core/sound_route.js). Elsewhere nothing is made.

import { throughGraph } from "../core/sound_route.js";

export class SoundGraph {
  #elements;
  /** @type {AudioContext | null} */
  #context = null;

  /** @param {readonly HTMLAudioElement[]} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** Let sound through, first at a tap: before one a context stays suspended. A call or another app suspends it anew. */
  wake() {
    const { standalone } = /** @type {{standalone?: boolean}} */ (navigator);
    if (!throughGraph({ standalone, graph: "AudioContext" in window })) return;
    this.#context ??= this.#build();
    if (this.#context.state !== "running") this.#context.resume().catch(() => {});
  }

  #build() {
    const context = new AudioContext();
    for (const element of this.#elements) context.createMediaElementSource(element).connect(context.destination);
    return context;
  }
}
