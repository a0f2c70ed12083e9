"use strict";
// A select with data-shows="group" shows the element of that group whose data-name is chosen.
document.addEventListener("DOMContentLoaded", () => {
  for (const select of document.querySelectorAll("select[data-shows]")) {
    const parts = [...document.querySelectorAll(`[data-group="${select.dataset.shows}"]`)];
    const update = () => parts.forEach((part) => { part.hidden = part.dataset.name !== select.value; });
    select.addEventListener("change", update);
    update();
  }
});
