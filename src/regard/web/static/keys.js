// The keyboard: / or Ctrl K goes to the search, arrows walk through what it found, Escape leaves.
export function keys() {
  const field = document.getElementById("q");
  const found = document.getElementById("found");
  if (!field || !found) return;
  addEventListener("keydown", (event) => {
    const writing = event.target.matches?.("input, select, textarea, [contenteditable]");
    if ((event.key === "/" && !writing) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
  // What was asked before the list was left must not open it again when the answer comes; Escape empties the field.
  let left = true;
  const close = () => { left = true; found.replaceChildren(); };
  field.addEventListener("input", () => { left = !field.value; if (left) close(); });
  field.addEventListener("htmx:before:swap", (event) => { if (left) event.preventDefault(); });
  const walk = (event) => {
    const links = [...found.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    if (event.key === "Escape") { close(); field.focus(); }
    if (event.key === "ArrowDown" && links.length) { event.preventDefault(); links[Math.min(at + 1, links.length - 1)].focus(); }
    if (event.key === "ArrowUp" && links.length) { event.preventDefault(); at > 0 ? links[at - 1].focus() : field.focus(); }
    if (event.key === "Enter" && event.target === field && links.length) { event.preventDefault(); links[0].click(); }
  };
  field.addEventListener("keydown", walk);
  found.addEventListener("keydown", walk);
  addEventListener("click", (event) => { if (!event.target.closest(".search")) close(); });
}
