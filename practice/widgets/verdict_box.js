// A verdict with buttons for help. The kernel's side is practice/widgets/verdict_box.py.

let boxes = 0;

function add(parent, tag, properties = {}, attributes = {}) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

function button(parent, textContent, press) {
  const element = add(parent, "button", { type: "button", textContent });
  keepPlainKeys(element);
  element.addEventListener("click", press);
  return element;
}

function render({ model, el }) {
  const number = boxes++;
  const box = add(el, "div", { className: "course-verdict" }, { role: "group", "aria-label": "Exercise" });
  box.dataset.state = model.get("state");
  const row = add(box, "div", { className: "row" });
  add(row, "span", { className: "sign", textContent: model.get("sign") }, { "aria-hidden": "true" });
  const said = add(row, "div", { className: "said" }, { role: "status" });
  const buttons = add(row, "div", { className: "buttons" });

  const hints = model.get("hints");
  const list = add(box, "ol", { className: "hints" }, { "aria-live": "polite" });
  const solution = add(box, "pre", { id: `course-solution-${number}`, hidden: true });
  add(solution, "code", { textContent: model.get("solution") });

  const hint = button(buttons, "Hint", () => {
    model.set("hints_shown", Math.min(model.get("hints_shown") + 1, hints.length));
    model.save_changes();
  });
  const opener = button(buttons, "Solution", () => {
    solution.hidden = !solution.hidden;
    opener.setAttribute("aria-expanded", String(!solution.hidden));
  });
  opener.setAttribute("aria-expanded", "false");
  opener.setAttribute("aria-controls", solution.id);

  function update() {
    const shown = model.get("hints_shown");
    while (list.children.length < shown) add(list, "li", { textContent: hints[list.children.length] });
    const left = hints.length - shown;
    hint.textContent = shown === 0 ? "Hint" : left ? `Next hint (${left} left)` : "No more hints";
    // Not disabled: that would take the focus away from whoever pressed it.
    hint.setAttribute("aria-disabled", String(left === 0));
  }
  model.on("change:hints_shown", update);
  update();
  // A screen reader tells what comes into a region that is there already.
  const telling = setTimeout(() => {
    add(said, "strong", { textContent: model.get("verdict") });
    said.append(` ${model.get("message")}`);
    if (model.get("note")) add(said, "p", { textContent: model.get("note") });
  }, 50);
  return () => {
    clearTimeout(telling);
    model.off("change:hints_shown", update);
  };
}

export default { render };
