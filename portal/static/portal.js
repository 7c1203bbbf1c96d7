"use strict";
// What pages do in the browser. All of it is here, since the content security policy lets no page
// hold scripts of its own.

// One clock: what has hx-trigger="refresh from:body" asks again, while the page is seen.
let leaving = false; // a form is on its way to another page
addEventListener("pageshow", () => (leaving = false)); // and back
setInterval(() => {
  if (!document.hidden && !leaving) document.body.dispatchEvent(new CustomEvent("refresh", { bubbles: true }));
}, Number(document.body.dataset.refresh));

const actions = {
  "data-theme-switch": () => {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("portal-theme", root.dataset.theme);
  },
  "data-opens": (button) => document.getElementById(button.dataset.opens).showModal(),
  "data-closes": (button) => button.closest("dialog").close(),
  "data-pauses": (button) => {
    const paused = document.getElementById(button.dataset.pauses).toggleAttribute("data-paused");
    button.setAttribute("aria-pressed", paused);
  },
  "data-copies": async (button) => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
    button.textContent = "Copied";
  },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  for (const [name, act] of Object.entries(actions)) {
    if (button.hasAttribute(name)) act(button);
  }
});

// A field that must be typed exactly before its form can be sent.
document.addEventListener("input", (event) => {
  const wanted = event.target.dataset?.mustBe;
  if (wanted === undefined) return;
  event.target.setCustomValidity(event.target.value === wanted ? "" : `Type ${wanted}`);
});

// A form is sent once.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  const stays = event.target.hasAttribute("hx-post");
  if (!stays) leaving = true;
  if (button && event.target.method === "post" && !stays) setTimeout(() => (button.disabled = true));
});

// A live part stays as it is while somebody edits a form in it or has a dialog of it open; details
// that were opened stay open.
document.addEventListener("input", (event) => event.target.form?.setAttribute("data-edited", ""));
document.addEventListener("reset", (event) => event.target.removeAttribute("data-edited"));
// What was typed into a dialog goes with it. The event does not bubble, so it is caught on its way.
const emptied = (event) => event.target.querySelectorAll("form").forEach((form) => form.reset());
document.addEventListener("close", emptied, true);
const isUsed = (part) =>
  part.matches?.("[data-live]") &&
  (part.querySelector("form[data-edited], dialog[open]") || part.closest("[data-paused]"));
for (const moment of ["htmx:beforeRequest", "htmx:beforeOnLoad", "htmx:beforeSwap"]) {
  document.addEventListener(moment, (event) => {
    if (leaving || isUsed(event.target)) event.preventDefault();
  });
}
// What is typed into a form marked data-kept is newer than what comes.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  !(name === "open" && node.matches("details")) &&
  !(name === "value" && node.matches("form[data-kept] input"));

// A choice whose value is an object fills the fields of its form that have its names.
document.addEventListener("change", (event) => {
  if (!event.target.dataset?.fills || !event.target.value) return;
  const fields = document.getElementById(event.target.dataset.fills).elements;
  for (const [name, value] of Object.entries(JSON.parse(event.target.value))) {
    fields[name].value = value;
  }
});

// A dialog that is filled opens; a list that grows at its top keeps the newest.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.matches("dialog:not([open])")) event.target.showModal();
});
document.addEventListener("refresh", () => {
  for (const list of document.querySelectorAll("[data-most]")) {
    while (list.children.length > Number(list.dataset.most)) list.lastElementChild.remove();
  }
});

// A live part that could not be asked for is old: the page says so, and why.
const old = new Map();
document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
  if (leaving || !target.matches("[data-live]")) return;
  const answer = new DOMParser().parseFromString(detail.xhr.responseText, "text/html");
  const why = answer.querySelector("main .message")?.textContent.trim() ?? "The portal does not answer.";
  if (detail.successful) old.delete(target.id);
  else old.set(target.id, why);
  const notice = document.getElementById("old");
  notice.hidden = !old.size;
  notice.querySelector("span").textContent = [...new Set(old.values())].join(" ");
});
