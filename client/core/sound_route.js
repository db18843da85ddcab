// Where the sound goes out: straight from its element, or through the browser's sound graph.

/**
 * @typedef {object} Surroundings  What the browser says of itself and of how it was opened.
 * @property {boolean | undefined} standalone  `navigator.standalone`: only iOS and iPadOS have it
 * @property {boolean} graph  it has an AudioContext
 */

/**
 * Whether the sound is to go through an AudioContext. An app on the home screen of an iPhone or iPad falls silent in the
 * background when its sound comes straight from an element (WebKit bug 261858); everywhere else that is the better way.
 * @param {Surroundings} surroundings
 */
export const throughGraph = ({ standalone, graph }) => standalone === true && graph;
