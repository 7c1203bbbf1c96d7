// A question as native radio buttons. The kernel's side is practice/widgets/quiz.py.

let count = 0;

/** Put text into an element; what is between backticks becomes code. */
function write(element, text) {
  text.split("`").forEach((part, index) => {
    const child = document.createElement(index % 2 ? "code" : "span");
    child.textContent = part;
    element.append(child);
  });
}

function option(model, name, text) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", name, value: text });
  keepPlainKeys(input);
  input.addEventListener("change", () => {
    model.set("chosen", text);
    model.save_changes();
  });
  const words = document.createElement("span");
  words.textContent = text;
  const note = document.createElement("span");
  note.className = "note";
  label.append(input, words, note);
  return { label, input, note, text };
}

function render({ model, el }) {
  const fieldset = document.createElement("fieldset");
  fieldset.className = "course-quiz";
  const legend = document.createElement("legend");
  write(legend, model.get("question"));
  const name = `course-quiz-${Date.now()}-${count++}`;
  const options = model.get("options").map((text) => option(model, name, text));
  const result = document.createElement("p");
  result.className = "result";
  result.setAttribute("role", "status");
  fieldset.append(legend, ...options.map(({ label }) => label), result);
  el.append(fieldset);

  function update() {
    const actual = model.get("actual");
    const chosen = actual ? model.get("answered") : model.get("chosen");
    for (const { label, input, note, text } of options) {
      input.checked = text === chosen;
      input.disabled = actual !== "";
      label.classList.toggle("actual", text === actual);
      const notes = [];
      if (actual && text === chosen) notes.push("you said this");
      if (text === actual) notes.push("it was this");
      note.textContent = notes.length ? ` (${notes.join("; ")})` : "";
    }
    fieldset.classList.toggle("closed", actual !== "");
    result.textContent =
      model.get("result") || (chosen ? `You say ${chosen}. Now run the next cell.` : "");
  }
  const changes = ["chosen", "answered", "actual", "result"].map((trait) => `change:${trait}`).join(" ");
  model.on(changes, update);
  update();
  return () => model.off(changes, update);
}

export default { render };
