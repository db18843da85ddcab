/**
 * A function that runs at once, and while it is called on and on no more often than every `every_ms`, the last call always counting.
 * @param {() => void} run
 * @param {number} every_ms
 * @param {AbortSignal} signal  after it nothing runs
 */
export function paced(run, every_ms, signal) {
  let timer = 0;
  let again = false;
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  const cooled = () => {
    timer = 0;
    if (!again) return;
    again = false;
    call();
  };
  function call() {
    if (signal.aborted) return;
    if (timer) {
      again = true;
      return;
    }
    timer = setTimeout(cooled, every_ms);
    run();
  }
  return call;
}
