"use strict";
// Sorting, hiding and copying of tables. Headings that sort stand in the last row of the head.

const cells = (row) => [...row.cells];
const valueOf = (cell) => {
  if (!cell) return null;
  const text = cell.dataset.value ?? cell.textContent.trim();
  const number = Number(text);
  return text === "" || text === "n/a" || text === "–" ? null : Number.isNaN(number) ? text.toLowerCase() : number;
};

// Index of each heading's column: the name column of a head of two rows stands in the first.
function headings(table) {
  const rows = [...table.tHead.rows];
  return rows.length === 1 ? cells(rows[0]) : [rows[0].cells[0], ...cells(rows[1])];
}

function makeSortable(table) {
  const heads = headings(table);
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    const notes = [...head.querySelectorAll("sup")];
    button.append(...[...head.childNodes].filter((node) => !notes.includes(node)));
    head.prepend(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const first = head.dataset.better === "higher" ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((each) => each.setAttribute("aria-sort", each === head ? order : "none"));
      sortRows(table, column, order === "ascending" ? 1 : -1);
    });
  });
}

function sortRows(table, column, sign) {
  const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row.cells[column]), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null); // what has no value stays last either way
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

// Hide rows and columns by what they carry: data-method, data-variant, data-dataset, data-metric.
function applyFilter(table, allowed) {
  const passes = (element) => Object.entries(allowed).every(([key, values]) => !element.dataset[key] || values.has(element.dataset[key]));
  for (const row of table.tBodies[0].rows) row.hidden = !passes(row);
  const heads = headings(table);
  const visible = heads.map(passes);
  heads.forEach((head, column) => {
    head.hidden = !visible[column];
    for (const row of table.tBodies[0].rows) if (row.cells[column]) row.cells[column].hidden = !visible[column];
  });
  let column = 1;
  for (const group of table.tHead.querySelectorAll("th.group")) {
    const mine = heads.slice(column, column + Number(group.dataset.width));
    const left = mine.filter((head) => !head.hidden && getComputedStyle(head).display !== "none").length;
    group.hidden = left === 0;
    if (left) group.colSpan = left;
    column += mine.length;
  }
}

// What is shown, as rows of words.
function shownWords(table) {
  const isShown = (cell) => !cell.hidden && getComputedStyle(cell).display !== "none";
  const words = (cell) => {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll("sup, .mark, .caution").forEach((node) => node.remove());
    const interval = copy.querySelector(".interval");
    if (interval && !table.closest(".intervals")) interval.remove();
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  const heads = headings(table);
  const groups = [""];
  for (const group of table.tHead.querySelectorAll("th.group")) for (let i = 0; i < Number(group.dataset.width); i++) groups.push(words(group));
  const head = heads.map((cell, i) => [cell, `${groups[i] ? groups[i] + ": " : ""}${words(cell)}`]).filter(([cell]) => isShown(cell)).map(([, text]) => text);
  const body = [...table.tBodies[0].rows].filter(isShown).map((row) => cells(row).filter(isShown).map((cell) => ({ text: words(cell), best: cell.classList.contains("best") })));
  return { head, body, title: table.caption ? words(table.caption) : "" };
}

const formats = {
  Markdown({ head, body }) {
    const safe = (text) => text.replace(/([\\`*_[\]<>|#~&])/g, "\\$1");
    const line = (words) => `| ${words.join(" | ")} |`;
    return [line(head.map(safe)), line(head.map((_, i) => (i ? "---:" : "---"))), ...body.map((row) => line(row.map((c) => (c.best ? `**${safe(c.text)}**` : safe(c.text)))))].join("\n") + "\n";
  },
  LaTeX({ head, body, title }) {
    const special = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "↓": "$\\downarrow$", "↑": "$\\uparrow$", "–": "--", "±": "$\\pm$" };
    const safe = (text) => text.replace(/[\\~^↓↑–±{}$&#%_]/g, (c) => special[c] || `\\${c}`);
    const rows = body.map((row) => row.map((c) => (c.best ? `\\textbf{${safe(c.text)}}` : safe(c.text))).join(" & ") + " \\\\");
    return ["% \\usepackage{booktabs}", "\\begin{table}", "\\centering", `\\caption{${safe(title)}}`, `\\begin{tabular}{l${"r".repeat(head.length - 1)}}`, "\\toprule", head.map(safe).join(" & ") + " \\\\", "\\midrule", ...rows, "\\bottomrule", "\\end{tabular}", "\\end{table}"].join("\n") + "\n";
  },
  CSV({ head, body }) {
    const safe = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    return [head, ...body.map((row) => row.map((c) => c.text))].map((row) => row.map(safe).join(",")).join("\n") + "\n";
  },
};

// The clipboard where the browser grants it, else a text to copy by hand.
async function offer(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    const name = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = name; }, 1500);
  } catch {
    const dialog = document.getElementById("copy");
    const area = dialog.querySelector("textarea");
    area.value = text;
    dialog.showModal();
    area.select();
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const tables = [...document.querySelectorAll("table.data")];
  tables.forEach(makeSortable);
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", () => offer(formats[button.dataset.format](shownWords(document.getElementById(button.dataset.copy))), button));
  }
  const filters = document.getElementById("filters");
  if (!filters) return;
  const update = () => {
    const allowed = {};
    for (const box of filters.querySelectorAll("input[data-filter]")) {
      allowed[box.dataset.filter] ??= new Set();
      if (box.checked) allowed[box.dataset.filter].add(box.value);
    }
    document.body.classList.toggle("no-published", !filters.querySelector("#published").checked);
    document.body.classList.toggle("intervals", filters.querySelector("#intervals").checked);
    tables.forEach((table) => applyFilter(table, allowed));
  };
  filters.addEventListener("change", update);
  filters.querySelector("#everything").addEventListener("click", () => {
    filters.querySelectorAll("input[data-filter]").forEach((box) => { box.checked = true; });
    update();
  });
  update();
});
