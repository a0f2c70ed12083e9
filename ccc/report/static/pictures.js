"use strict";
// The grid of one dataset's pictures and the viewer that compares them.
const data = JSON.parse(document.getElementById("data").textContent);
const STEP = 24; // rows added at a time
const columns = new Map(data.columns.map((column) => [column.key, column]));
const metrics = new Map(data.metrics.map((metric) => [metric.name, metric]));
const measured = data.columns.filter((column) => data.values[column.key] && column.method !== "benchmark");
const $ = (id) => document.getElementById(id);

const fileOf = (key, kind, name) => ["pictures", key, data.dataset, kind, name + data.suffixes[kind]].map((part) => part.split("/").map(encodeURIComponent).join("/")).join("/");
const valueAt = (key, metric, i) => data.values[key]?.[metric]?.[i] ?? null;
const shown = (metric, value) => (value === null ? "n/a" : value.toFixed(metrics.get(metric).digits));
const csvOf = (key) => `data/metrics/${columns.get(key).measured}/${data.dataset}.csv`.split("/").map(encodeURIComponent).join("/");

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}
// A number that leads to the line of the csv on which it stands.
const numberLink = (key, metric, i) => element("a", { href: csvOf(key), title: `${csvOf(key)}, line ${data.rows[key][i]}, column ${metric}` }, shown(metric, valueAt(key, metric, i)));

// --- the grid

const state = { view: "picture", columns: new Set(), sort: "name", metric: ["lpips_alex", "psnr"].find((name) => metrics.has(name)) ?? data.metrics[0]?.name, method: measured[0]?.key, other: measured[1]?.key, order: [], count: STEP };

function order() {
  const names = data.names.map((_, i) => i);
  const { sort, metric, method, other } = state;
  if (sort === "name") return names;
  const lower = metrics.get(metric).direction === "lower";
  const score = (i) => {
    const value = valueAt(method, metric, i);
    if (sort !== "differ") return value === null ? null : (sort === "worst") === lower ? -value : value;
    const second = valueAt(other, metric, i);
    return value === null || second === null ? null : -Math.abs(value - second);
  };
  return names.map((i) => [score(i), i]).sort(([a, i], [b, j]) => (a === null) - (b === null) || a - b || i - j).map(([, i]) => i);
}

function figure(column, i) {
  const name = data.names[i];
  const caption = element("figcaption", {}, element("b", {}, column.label));
  if (data.values[column.key]) {
    const wanted = [...new Set([state.metric, ...["psnr", "lpips_alex", "cnr"].filter((metric) => metrics.has(metric))])].filter(Boolean).slice(0, 4);
    wanted.forEach((metric, place) => caption.append(place ? " · " : "", element("span", {}, `${metrics.get(metric).title} `, numberLink(column.key, metric, i))));
  }
  const kind = state.view === "picture" ? "thumbnail" : state.view;
  const image = element("img", { src: fileOf(column.key, kind, name), alt: `${name}: ${column.label}`, loading: "lazy", decoding: "async", width: data.sizes[i][0], height: data.sizes[i][1] });
  return element("figure", {}, element("button", { type: "button", "aria-label": `Compare ${name}, ${column.label}`, onclick: () => openViewer(i, column.key) }, image), caption);
}

function row(i) {
  const strip = element("div", { class: "strip" });
  for (const column of data.columns) if (state.columns.has(column.key)) strip.append(figure(column, i));
  return element("article", { "data-name": data.names[i] }, element("h2", {}, data.names[i]), strip);
}

function draw() {
  state.order = order();
  state.count = Math.min(Math.max(state.count, STEP), state.order.length);
  $("rows").style.setProperty("--columns", state.columns.size);
  $("rows").replaceChildren(...state.order.slice(0, state.count).map(row));
  more();
}
function more() {
  const left = state.order.length - state.count;
  $("more").hidden = left <= 0;
  $("more").textContent = `Show ${Math.min(STEP, left)} more of ${left}`;
  $("shown").textContent = left > 0 ? `${state.count} are drawn; more follow as you scroll.` : "";
}
function addRows() {
  const next = state.order.slice(state.count, state.count + STEP);
  state.count += next.length;
  $("rows").append(...next.map(row));
  more();
}

function fill(select, entries, value) {
  select.replaceChildren(...entries.map(([key, label]) => element("option", { value: key, selected: key === value }, label)));
}

function setUp() {
  const variants = new Set(measured.map((column) => column.variant));
  const many = data.columns.length > 8;
  for (const column of data.columns) {
    const chosen = !many || column.variant !== "sam";
    if (chosen) state.columns.add(column.key);
    const box = element("input", { type: "checkbox", value: column.key, checked: chosen });
    $("methods").append(element("label", {}, box, ` ${column.label}`), " ");
  }
  $("methods").addEventListener("change", () => {
    state.columns = new Set([...$("methods").querySelectorAll("input:checked")].map((box) => box.value));
    draw();
  });
  if (variants.size > 1) {
    for (const variant of ["plain", "sam"]) {
      $("variants").append(element("button", { type: "button", onclick: () => choose((column) => column.variant !== (variant === "sam" ? "plain" : "sam")) }, variant === "sam" ? "Harmonized only" : "Plain only"), " ");
    }
  }
  $("variants").append(element("button", { type: "button", onclick: () => choose(() => true) }, "All"), " ", element("button", { type: "button", onclick: () => choose((column) => column.method === "benchmark") }, "None"));
  fill($("metric"), data.metrics.map((metric) => [metric.name, metric.title]), state.metric);
  const methods = measured.map((column) => [column.key, column.label]);
  fill($("method"), methods, state.method);
  fill($("other"), methods, state.other);
  for (const name of ["sort", "metric", "method", "other"]) $(name).addEventListener("change", () => { state[name] = $(name).value; state.count = STEP; controls(); draw(); });
  for (const button of document.querySelectorAll("#view button")) button.addEventListener("click", () => { setView(button.value); draw(); });
  $("more").addEventListener("click", addRows);
  if ("IntersectionObserver" in window) new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting) && !$("more").hidden) addRows(); }, { rootMargin: "600px" }).observe($("more"));
}
function choose(test) {
  for (const box of $("methods").querySelectorAll("input")) box.checked = test(columns.get(box.value));
  $("methods").dispatchEvent(new Event("change"));
}
function setView(view) {
  state.view = view;
  document.querySelectorAll("#view button").forEach((button) => button.setAttribute("aria-pressed", button.value === view));
  $("scale").hidden = view !== "error";
}
function controls() {
  for (const name of ["metric", "method", "other", "sort"]) $(name).value = state[name] ?? "";
  $("method").closest(".field").hidden = state.sort === "name";
  $("other").closest(".field").hidden = state.sort !== "differ";
}

// --- the viewer

const viewer = { i: 0, left: null, right: null, mode: "slide", view: "picture", zoom: 1, x: 0, y: 0 };

function openViewer(i, left, right) {
  viewer.i = i;
  viewer.left = left ?? viewer.left ?? measured[0]?.key ?? data.columns[0].key;
  viewer.right = right ?? (viewer.left === "benchmark/truth" ? measured[0]?.key ?? "benchmark/gray" : "benchmark/truth");
  viewer.view = state.view;
  Object.assign(viewer, { zoom: 1, x: 0, y: 0 });
  if (!$("viewer").open) $("viewer").showModal();
  drawViewer();
}

function stage(keys) {
  const name = data.names[viewer.i];
  const [width, height] = data.sizes[viewer.i];
  const box = element("div", { class: "stage", style: `aspect-ratio: ${width} / ${height}; --aspect: ${width / height}` });
  keys.forEach((key, place) => {
    const image = element("img", { src: fileOf(key, viewer.view, name), alt: `${name}: ${columns.get(key).label}`, draggable: "false" });
    box.append(place ? element("div", { class: "over" }, image) : image);
    box.append(element("span", { class: `side ${place ? "right" : "left"}` }, columns.get(key).label));
  });
  if (keys.length > 1) box.append(element("div", { class: "divider" }));
  return box;
}

function drawViewer() {
  const sliding = viewer.mode === "slide";
  $("viewer-title").textContent = data.names[viewer.i];
  const pairs = sliding ? [[viewer.left, viewer.right]] : data.columns.filter((column) => state.columns.has(column.key)).map((column) => [column.key]);
  $("stages").replaceChildren(...pairs.map(stage));
  $("stages").classList.toggle("sliding", sliding);
  $("slide").hidden = !sliding;
  $("sides").hidden = !sliding;
  document.querySelectorAll("#mode button").forEach((button) => button.setAttribute("aria-pressed", button.value === viewer.mode));
  document.querySelectorAll("#viewer-view button").forEach((button) => button.setAttribute("aria-pressed", button.value === viewer.view));
  const all = data.columns.map((column) => [column.key, column.label]);
  fill($("left"), all, viewer.left);
  fill($("right"), all, viewer.right);
  facts(sliding ? [viewer.left, viewer.right] : pairs.flat());
  place();
  location.replace(`#${new URLSearchParams({ picture: data.names[viewer.i], left: viewer.left, right: viewer.right })}`);
}

function facts(keys) {
  const withValues = keys.filter((key) => data.values[key]);
  const head = element("tr", {}, element("th", { scope: "col", class: "name" }, "Metric"), ...withValues.map((key) => element("th", { scope: "col" }, columns.get(key).label)));
  const rows = data.metrics.filter((metric) => withValues.some((key) => valueAt(key, metric.name, viewer.i) !== null)).map((metric) => {
    const values = withValues.map((key) => valueAt(key, metric.name, viewer.i));
    const real = values.filter((value) => value !== null);
    const best = metric.direction && real.length > 1 ? (metric.direction === "lower" ? Math.min(...real) : Math.max(...real)) : null;
    const arrow = { lower: " ↓", higher: " ↑" }[metric.direction] ?? "";
    return element("tr", {}, element("th", { scope: "row" }, metric.title + arrow), ...withValues.map((key, k) => element("td", { class: best !== null && values[k] === best ? "best" : null }, numberLink(key, metric.name, viewer.i))));
  });
  $("facts").replaceChildren(...(rows.length ? [element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows))] : []));
  $("files").replaceChildren(...keys.map((key) => {
    const column = columns.get(key);
    return element("div", {}, element("b", {}, column.label), ": ", element("a", { href: fileOf(key, "picture", data.names[viewer.i]) }, `${column.source}/${data.names[viewer.i]}.png`), element("pre", {}, column.command));
  }));
}

// Zoom and place are those of all pictures at once: x and y in shares of a picture's own size.
function place() {
  viewer.zoom = Math.min(Math.max(viewer.zoom, 1), 32);
  const room = 1 - viewer.zoom;
  viewer.x = Math.min(Math.max(viewer.x, room), 0);
  viewer.y = Math.min(Math.max(viewer.y, room), 0);
  const at = Number($("slide").value);
  for (const box of $("stages").children) {
    box.classList.toggle("sharp", viewer.zoom > 3);
    for (const image of box.querySelectorAll("img")) image.style.transform = `translate(${viewer.x * 100}%, ${viewer.y * 100}%) scale(${viewer.zoom})`;
    const over = box.querySelector(".over");
    if (over) {
      over.style.clipPath = `inset(0 0 0 ${at}%)`;
      box.querySelector(".divider").style.left = `${at}%`;
    }
  }
  $("slide").setAttribute("aria-valuetext", `${Math.round(at)} % ${columns.get(viewer.left).label}, the rest ${columns.get(viewer.right).label}`);
  $("zoom").textContent = `${viewer.zoom.toFixed(1)}×`;
}
function zoomBy(factor, x = 0.5, y = 0.5) {
  const before = viewer.zoom;
  viewer.zoom = Math.min(Math.max(before * factor, 1), 32);
  const ratio = viewer.zoom / before;
  viewer.x = x - (x - viewer.x) * ratio;
  viewer.y = y - (y - viewer.y) * ratio;
  place();
}
function step(by) {
  const order = state.order;
  const at = (order.indexOf(viewer.i) + by + order.length) % order.length;
  viewer.i = order[at];
  drawViewer();
}

function setUpViewer() {
  const at = (event, box) => {
    const area = box.getBoundingClientRect();
    return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
  };
  $("stages").addEventListener("wheel", (event) => {
    const box = event.target.closest(".stage");
    if (!box) return;
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 1.25 : 0.8, ...at(event, box));
  }, { passive: false });
  let held = null;
  $("stages").addEventListener("pointerdown", (event) => {
    const box = event.target.closest(".stage");
    if (!box) return;
    held = { box, last: at(event, box) };
    box.setPointerCapture(event.pointerId);
    if (viewer.zoom === 1 && viewer.mode === "slide") { $("slide").value = held.last[0] * 100; place(); }
  });
  $("stages").addEventListener("pointermove", (event) => {
    if (!held) return;
    const now = at(event, held.box);
    if (viewer.zoom > 1) { viewer.x += now[0] - held.last[0]; viewer.y += now[1] - held.last[1]; } else if (viewer.mode === "slide") $("slide").value = now[0] * 100;
    held.last = now;
    place();
  });
  for (const end of ["pointerup", "pointercancel"]) $("stages").addEventListener(end, () => { held = null; });
  $("slide").addEventListener("input", place);
  for (const side of ["left", "right"]) $(side).addEventListener("change", () => { viewer[side] = $(side).value; drawViewer(); });
  for (const button of document.querySelectorAll("#mode button")) button.addEventListener("click", () => { viewer.mode = button.value; drawViewer(); });
  for (const button of document.querySelectorAll("#viewer-view button")) button.addEventListener("click", () => { viewer.view = button.value; drawViewer(); });
  $("zoom-in").addEventListener("click", () => zoomBy(1.5));
  $("zoom-out").addEventListener("click", () => zoomBy(1 / 1.5));
  $("fit").addEventListener("click", () => { viewer.zoom = 1; place(); });
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => $("viewer").close());
  $("viewer").addEventListener("close", () => {
    location.replace("#");
    [...$("rows").children].find((article) => article.dataset.name === data.names[viewer.i])?.querySelector("button")?.focus();
  });
  $("viewer").addEventListener("keydown", (event) => {
    if (event.target.matches("select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const pan = 0.1;
    const act = {
      "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), 0: () => { viewer.zoom = 1; place(); }, n: () => step(1), p: () => step(-1),
      w: () => { viewer.y += pan; place(); }, s: () => { viewer.y -= pan; place(); }, a: () => { viewer.x += pan; place(); }, d: () => { viewer.x -= pan; place(); },
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
}

// #picture=name&left=key&right=key opens the viewer; #sort=worst&metric=m&method=key sorts the grid.
function follow() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  for (const name of ["sort", "metric", "method", "other"]) if ([...$(name).options].some((option) => option.value === wanted.get(name))) state[name] = wanted.get(name);
  controls();
  draw();
  const i = data.names.indexOf(wanted.get("picture"));
  const known = (key) => (columns.has(wanted.get(key)) ? wanted.get(key) : undefined);
  if (i >= 0) openViewer(i, known("left"), known("right"));
}

setUp();
setUpViewer();
setView("picture");
follow();
addEventListener("hashchange", () => { if (new URLSearchParams(location.hash.slice(1)).has("sort")) follow(); });
