/** The name mark, from index.html's own copy. */
export function mark() {
  const original = document.querySelector(".mark");
  if (!original) throw new Error("index.html lacks its mark");
  const copy = /** @type {HTMLElement} */ (original.cloneNode(true));
  copy.removeAttribute("href");
  return copy;
}
