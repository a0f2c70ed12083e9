// WCAG 2 AA: text of 4.5 to 1 over its ground (3 to 1 where it is large), a name for what is pressed, an alternative for
// each picture, one h1, no level of heading left out, no id twice. Text on pictures and of a closed dialog is left out.
(() => {
  const faults = [], parse = (c) => (c.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const e = node.parentElement, style = getComputedStyle(e);
    if (!node.data.trim() || e.closest("script, style, title, option, .side, .skip, [hidden]") || !e.getClientRects().length || !e.checkVisibility()) continue;
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const [a, b] = [light(parse(e.closest("svg") ? style.fill : style.color)), light(ground(e))].sort((x, y) => x - y);
    if ((b + 0.05) / (a + 0.05) < (large ? 3 : 4.5)) faults.push(`contrast ${((b + 0.05) / (a + 0.05)).toFixed(2)}: ${node.data.trim().slice(0, 40)}`);
  }
  for (const e of document.querySelectorAll("a, button, select, input, summary, textarea"))
    if (!(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.querySelector("img[alt]"))) faults.push(`no name: ${e.outerHTML.slice(0, 80)}`);
  for (const e of document.querySelectorAll("img")) if (!e.alt) faults.push(`no alternative: ${e.outerHTML.slice(0, 80)}`);
  const levels = [...document.querySelectorAll("main :is(h1, h2, h3, h4)")].filter((e) => !e.closest("dialog")).map((e) => Number(e.tagName[1]));
  levels.forEach((level, k) => { if (level > (levels[k - 1] ?? 0) + 1) faults.push(`a heading skips to h${level}`); });
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) faults.push(`id twice: ${id}`);
  if (!document.documentElement.lang) faults.push("no language");
  return [...new Set(faults)];
})()
