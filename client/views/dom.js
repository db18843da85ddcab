// Building elements. Text goes in as text nodes only; there is no way here to write markup.

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Attributes  false, null and undefined leave one out; true gives an empty one */
/** @typedef {Record<string, (event: any) => void>} Listeners */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes | null} attributes
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * @template {EventTarget} T
 * @param {T} target
 * @param {Listeners} listeners
 * @param {AbortSignal} [signal]
 * @returns {T}
 */
export function on(target, listeners, signal) {
  for (const [name, listener] of Object.entries(listeners)) target.addEventListener(name, listener, { signal });
  return target;
}

/**
 * A button that says what it does.
 * @param {Attributes} attributes
 * @param {(event: MouseEvent) => void} click
 * @param {...Child} children
 */
export const button = (attributes, click, ...children) =>
  on(h("button", { type: "button", ...attributes }, ...children), { click });

/**
 * Text that may be of any script: its own direction, cut with an ellipsis by the style sheet.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {string} content
 */
export const words = (tag, className, content) => h(tag, { class: className, dir: "auto" }, content);

/** @param {Element} element @param {...Child} children */
export const fill = (element, ...children) =>
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));

/**
 * Set text only when it differs, so that a voice doesn't read it again.
 * @param {Element} element
 * @param {string} content
 */
export function say(element, content) {
  if (element.textContent !== content) element.textContent = content;
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Hear of a right click or a long press on an element, in place of the browser’s own menu.
 * @param {HTMLElement} element
 * @param {(where: {x: number, y: number}) => void} open
 */
export function onContext(element, open) {
  element.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    open({ x: event.clientX, y: event.clientY });
  });
}
