// Shows the value under the pointer. Without it a chart is whole: the table has all.
"use strict";

for (const area of document.querySelectorAll("[data-chart]")) {
  const rows = [...area.closest("figure").querySelectorAll("tr[data-x]")];
  const tip = area.querySelector(".tip");
  const dot = area.querySelector(".dot");

  const show = (event) => {
    const box = area.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width;
    const distance = (row) => Math.abs(row.dataset.x - at);
    const row = rows.reduce((best, each) => (distance(each) < distance(best) ? each : best));
    tip.querySelector("b").textContent = row.cells[1].textContent;
    tip.querySelector("span").textContent = row.cells[0].textContent;
    for (const part of [tip, dot]) {
      part.hidden = false;
      part.style.left = `${row.dataset.x * 100}%`;
      part.style.top = `${row.dataset.y * 100}%`;
    }
    tip.classList.toggle("from-right", row.dataset.x > 0.6);
  };
  const hide = () => { tip.hidden = dot.hidden = true; };

  area.addEventListener("pointermove", show);
  area.addEventListener("pointerdown", show);
  area.addEventListener("pointerleave", hide);
}
