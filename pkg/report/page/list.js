// The list of runs: the rows come as server-sent events, as package page has made them.
"use strict";
(() => {
  const rows = document.getElementById("runs"), filter = document.getElementById("filter");
  const sift = () => {
    const words = filter.value.trim().toLowerCase();
    for (const r of rows.children) r.hidden = !!words && !r.textContent.toLowerCase().includes(words);
  };
  const source = new EventSource("list");
  source.onmessage = (e) => {
    const focused = document.activeElement?.id;
    rows.innerHTML = JSON.parse(e.data);
    if (focused) document.getElementById(focused)?.focus();
    sift();
  };
  filter.addEventListener("input", sift);
  addEventListener("keydown", (e) => {
    if (e.key === "/" && e.target !== filter) filter.focus(), e.preventDefault();
    if (e.key === "Escape") filter.value = "", sift(), filter.blur();
  });
  for (const e of document.querySelectorAll(".live")) e.hidden = false;
})();
