import { h, on } from "./dom.js";

/**
 * A range control drawn by the style sheet, whose filled part follows its value.
 * @param {{label: string, className: string, max: number, step: number, say: (value: number) => string}} what
 * @param {{input?: (value: number) => void, change?: (value: number) => void}} then  input: while dragging; change: when let go
 */
export function slider({ label, className, max, step, say }, { input, change }) {
  const range = h("input", {
    type: "range",
    class: `range ${className}`,
    min: 0,
    max,
    step,
    "aria-label": label,
    value: 0,
  });
  let held = false;
  const paint = () => {
    const share = Number(range.max) > 0 ? Number(range.value) / Number(range.max) : 0;
    range.style.setProperty("--share", String(share));
    range.setAttribute("aria-valuetext", say(Number(range.value)));
  };
  on(range, {
    pointerdown: () => (held = true),
    pointerup: () => (held = false),
    pointercancel: () => (held = false),
    input: () => {
      paint();
      input?.(Number(range.value));
    },
    change: () => {
      held = false;
      change?.(Number(range.value));
    },
  });
  return {
    element: range,
    /** True while the person drags it: then it is theirs. */
    get held() {
      return held;
    },
    /**
     * @param {number} value
     * @param {number} [max]
     */
    set(value, max) {
      if (held) return;
      if (max !== undefined && range.max !== String(max)) range.max = String(max);
      range.value = String(value);
      paint();
    },
  };
}
