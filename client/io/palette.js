// The leading colour of a picture, read from its pixels.

const SIDE_PX = 24;
/** Pictures told before; a handful is on screen at a time. */
const KEPT = 100;

/** @type {Map<string, Promise<string | null>>} */
const known = new Map();

/**
 * A hue as CSS wants it ("212 48%": degrees and saturation), null when the picture is grey or cannot be read.
 * @param {string} url  of the same origin
 * @returns {Promise<string | null>}
 */
export function leadingColour(url) {
  let colour = known.get(url);
  if (!colour) {
    colour = read(url).catch(() => null);
    known.set(url, colour);
    if (known.size > KEPT) known.delete(/** @type {string} */ (known.keys().next().value));
  }
  return colour;
}

/** @param {string} url */
async function read(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE_PX;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  context.drawImage(image, 0, 0, SIDE_PX, SIDE_PX);
  return strongest(context.getImageData(0, 0, SIDE_PX, SIDE_PX).data);
}

const SECTORS = 24;

/**
 * The hue with the most vivid pixels behind it.
 * @param {Uint8ClampedArray} pixels  RGBA
 */
function strongest(pixels) {
  const weights = new Float64Array(SECTORS);
  const saturations = new Float64Array(SECTORS);
  for (let i = 0; i < pixels.length; i += 4) {
    const [hue, saturation, lightness] = hsl(pixels[i] / 255, pixels[i + 1] / 255, pixels[i + 2] / 255);
    const weight = saturation * (1 - Math.abs(2 * lightness - 1));
    const sector = Math.floor((hue / 360) * SECTORS) % SECTORS;
    weights[sector] += weight;
    saturations[sector] += weight * saturation;
  }
  let best = 0;
  for (let i = 1; i < SECTORS; i++) if (weights[i] > weights[best]) best = i;
  if (weights[best] < SIDE_PX * SIDE_PX * 0.01) return null;
  const saturation = Math.min(0.6, saturations[best] / weights[best]);
  return `${Math.round(((best + 0.5) * 360) / SECTORS)} ${Math.round(saturation * 100)}%`;
}

/**
 * @param {number} r
 * @param {number} g
 * @param {number} b  all in [0, 1]
 * @returns {[number, number, number]}  degrees, and two in [0, 1]
 */
function hsl(r, g, b) {
  const high = Math.max(r, g, b);
  const low = Math.min(r, g, b);
  const span = high - low;
  const lightness = (high + low) / 2;
  if (span === 0) return [0, 0, lightness];
  const saturation = span / (1 - Math.abs(2 * lightness - 1));
  const sixth = high === r ? ((g - b) / span + 6) % 6 : high === g ? (b - r) / span + 2 : (r - g) / span + 4;
  return [sixth * 60, saturation, lightness];
}
