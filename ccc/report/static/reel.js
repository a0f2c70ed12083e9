"use strict";
// The strip of the first page: one picture of a benchmark by every method, stepped through by buttons or arrow keys.
document.addEventListener("DOMContentLoaded", () => {
  const encode = (path) => path.split("/").map(encodeURIComponent).join("/");
  const reels = [...document.querySelectorAll(".reel")].map((box) => ({ box, i: 0, data: JSON.parse(box.querySelector(".reel-data").textContent) }));
  const current = () => reels.find(({ box }) => !box.hidden);
  function show(reel, i) {
    const { names, dataset, values } = reel.data;
    reel.i = (i + names.length) % names.length;
    const name = names[reel.i];
    reel.box.querySelector(".reel-name").textContent = `${name} (${reel.i + 1} of ${names.length})`;
    for (const image of reel.box.querySelectorAll("img")) {
      const { key } = image.dataset;
      image.src = encode(`pictures/${key}/${dataset}/thumbnail/${name}.webp`);
      image.alt = image.alt.replace(/^.*: (?=[^:]*(: [^:]*)?$)/, `${name}: `);
      image.parentElement.href = `${encode(`pictures-${dataset}.html`)}#${new URLSearchParams({ picture: name, left: key, right: "benchmark/truth" })}`;
      const value = values[key]?.[reel.i];
      image.closest("figure").querySelector(".reel-value").textContent = values[key] ? (value ?? null) === null ? "n/a" : value.toFixed(3) : "";
    }
  }
  for (const reel of reels) show(reel, 0);
  for (const button of document.querySelectorAll("[data-step]")) button.addEventListener("click", () => show(current(), current().i + Number(button.dataset.step)));
  for (const button of document.querySelectorAll("[data-goto]")) button.addEventListener("click", () => show(current(), Number(button.dataset.goto)));
  document.getElementById("strip").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && !event.target.matches("select") && !event.ctrlKey && !event.altKey && !event.metaKey) { event.preventDefault(); show(current(), current().i + step); }
  });
});
