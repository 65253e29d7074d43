"use strict";
const root = document.documentElement;
const button = document.querySelector(".theme");
const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
const updateLabel = () => { button.textContent = isDark() ? "Light" : "Dark"; };
try { if (localStorage.theme) root.dataset.theme = localStorage.theme; } catch { /* storage may be blocked for files */ }
button.hidden = false;
button.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.theme = root.dataset.theme; } catch { /* not stored */ }
  updateLabel();
});
dark.addEventListener("change", updateLabel);
updateLabel();

for (const legend of document.querySelectorAll(".legend")) {
  const study = legend.closest(".study");
  let pinned = null;
  const show = (arm) => {
    study.classList.toggle("chosen", arm !== null);
    for (const part of study.querySelectorAll(".arm")) part.classList.toggle("on", part.dataset.arm === arm);
  };
  for (const item of legend.querySelectorAll("button")) {
    item.addEventListener("mouseenter", () => show(item.dataset.arm));
    item.addEventListener("mouseleave", () => show(pinned));
    item.addEventListener("click", () => {
      pinned = pinned === item.dataset.arm ? null : item.dataset.arm;
      for (const other of legend.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other.dataset.arm === pinned));
      show(pinned);
    });
  }
}

const contents = document.querySelector("nav details");
const wide = matchMedia("(min-width: 70rem)");
const unfold = () => { contents.open = wide.matches; };
wide.addEventListener("change", unfold);
unfold();
addEventListener("beforeprint", () => { for (const each of document.querySelectorAll("details")) each.open = true; });
