// Reading a QR code with this device's own camera, in browsers that can. Nothing of the picture is kept or sent.

/** @typedef {{detect: (picture: HTMLVideoElement) => Promise<{rawValue: string}[]>}} Detector */
/** @typedef {{new (how: {formats: string[]}): Detector, getSupportedFormats: () => Promise<string[]>}} Detectors */

const FORMAT = "qr_code";
const LOOK_EVERY_MS = 120;

/** @returns {Detectors | undefined} */
const detectors = () => /** @type {{BarcodeDetector?: Detectors}} */ (/** @type {unknown} */ (window)).BarcodeDetector;

/** Whether this browser has a camera's picture to give, and reads QR codes in it. */
export async function canScan() {
  const known = detectors();
  if (!known || !navigator.mediaDevices?.getUserMedia) return false;
  return known.getSupportedFormats().then((formats) => formats.includes(FORMAT), () => false);
}

/**
 * Show the camera's picture until it holds a code that is wanted. The camera is off again afterwards, however it ends.
 * Rejects when the camera can't be had: with a DOMException "NotAllowedError" when the person says no.
 * @template T
 * @param {HTMLVideoElement} video
 * @param {(text: string) => T | null} wanted  what a code comes to; null: it is none of ours
 * @param {AbortSignal} signal
 * @returns {Promise<T | null>}  null when the signal ended it
 */
export async function scan(video, wanted, signal) {
  const known = detectors();
  if (!known) throw new DOMException("no QR codes are read here", "NotSupportedError");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  try {
    const detector = new known({ formats: [FORMAT] });
    video.srcObject = stream;
    video.play().catch(() => {});
    while (!signal.aborted) {
      // A picture that is not there yet, or can't be read, is no code.
      const codes = await detector.detect(video).catch(() => []);
      for (const { rawValue } of codes) {
        const found = wanted(rawValue);
        if (found !== null && !signal.aborted) return found;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return null;
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}
