"use strict";
// The scheme follows the system until the button says otherwise; a file:// page may have no storage.
document.documentElement.classList.add("js");
const remembered = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); } catch { /* it is asked again next time */ } },
};
if (["light", "dark"].includes(remembered.get("theme"))) document.documentElement.dataset.theme = remembered.get("theme");
document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("theme");
  const isDark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Use the ${isDark() ? "light" : "dark"} scheme`); };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    remembered.set("theme", document.documentElement.dataset.theme);
    name();
  });
  name();
});
