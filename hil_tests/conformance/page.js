"use strict";
// Without this all is shown, and the browser's own search finds it.
const box = document.getElementById("search");
const field = box.querySelector("input[type=search]");
const only = [...box.querySelectorAll("input[type=checkbox]")];
const found = document.getElementById("found");
const rows = [...document.querySelectorAll("[data-find]")];
const texts = rows.map((row) => row.textContent.toLowerCase());
function show() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const verdicts = only.filter((one) => one.checked).map((one) => one.value);
  let shown = 0;
  rows.forEach((row, number) => {
    const meant = words.every((word) => texts[number].includes(word)) &&
      (verdicts.length === 0 || verdicts.includes(row.dataset.verdict));
    row.hidden = !meant;
    shown += meant;
  });
  for (const section of document.querySelectorAll("section[data-rules]")) {
    section.hidden = !section.querySelector("[data-find]:not([hidden])");
  }
  found.textContent = `${shown} of ${rows.length}`;
}
box.hidden = false;
field.addEventListener("input", show);
only.forEach((one) => one.addEventListener("change", show));
show();
