"use strict";
// Shares of traffic (macro `traffic`): each slider beside its number, and what the sum lacks.
(() => {
  const settle = (form) => {
    const fields = [...form.querySelectorAll("input[type=number][name^='share:']")];
    const sum = fields.reduce((total, field) => total + Number(field.value || 0), 0);
    const good = sum === 100 || (sum === 0 && form.hasAttribute("data-zero"));
    const valid = fields.every((field) => field.checkValidity());
    const wrong = sum < 100 ? `${100 - sum} % missing` : `${sum - 100} % too much`;
    const words = !valid ? "Each share is a whole number from 0 to 100."
      : good ? `Sum: ${sum} %` : `Sum: ${sum} %, ${wrong}. The shares have to add up to 100 %.`;
    const told = form.querySelector("output");
    if (told.textContent !== words) told.textContent = words;
    told.classList.toggle("bad", !good || !valid);
    form.querySelector("button[data-save]").disabled = !good || !valid;
  };
  const settleAll = () => document.querySelectorAll("form[data-traffic]").forEach(settle);

  document.addEventListener("input", (event) => {
    const row = event.target.closest(".share");
    if (!row) return;
    for (const field of row.querySelectorAll("input")) {
      if (field !== event.target) field.value = event.target.value || 0;
    }
    settle(row.closest("form"));
  });
  document.addEventListener("reset", () => setTimeout(settleAll));
  document.addEventListener("htmx:afterSettle", settleAll);
  document.addEventListener("DOMContentLoaded", settleAll);
})();
