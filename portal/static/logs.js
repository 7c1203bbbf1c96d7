"use strict";
// Logs (macro `logs`): asked for again while they are seen, filtered, paused, without moving what
// somebody reads.
(() => {
  const shown = (box, text) => {
    const wanted = box.querySelector("[data-filter]").value.toLowerCase();
    const lines = text.split("\n");
    const kept = wanted ? lines.filter((line) => line.toLowerCase().includes(wanted)) : lines;
    const count = box.querySelector("[data-count]");
    const words = wanted ? `${kept.length} of ${lines.length} lines` : `${lines.length} lines`;
    if (count.textContent !== words) count.textContent = words;
    return kept.join("\n");
  };
  const show = (box) => {
    const pane = box.querySelector("pre");
    const text = shown(box, (box.log ??= pane.textContent));
    const before = pane.textContent;
    if (text === before) return;
    const following = pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 8;
    // What was there stays there, so that a selection and the place do.
    if (before && text.startsWith(before)) pane.append(text.slice(before.length));
    else pane.textContent = text;
    if (following) pane.scrollTop = pane.scrollHeight;
  };
  const ask = async (box) => {
    const paused = box.querySelector("[data-pause]").getAttribute("aria-pressed") === "true";
    if (paused || box.asking) return;
    box.asking = true;
    try {
      const answer = await fetch(box.dataset.logs);
      const told = await answer.json();
      box.querySelector("[data-note]").textContent = told.note;
      if (!told.note) box.log = told.text;
      show(box);
    } catch {
      box.querySelector("[data-note]").textContent = "The portal does not answer.";
    } finally {
      box.asking = false;
    }
  };
  const boxes = () => document.querySelectorAll("[data-logs]");

  document.body.addEventListener("refresh", () => boxes().forEach(ask));
  document.addEventListener("input", (event) => {
    const box = event.target.closest("[data-logs]");
    if (!box) return;
    if (event.target.matches("[data-filter]")) show(box);
    else box.querySelector("pre").classList.toggle("wrapped", event.target.checked);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pause]");
    if (!button) return;
    const paused = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", paused);
  });
  document.addEventListener("DOMContentLoaded", () => boxes().forEach((box) => {
    show(box);
    ask(box);
    const pane = box.querySelector("pre");
    pane.scrollTop = pane.scrollHeight;
  }));
})();
