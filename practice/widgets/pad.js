// A pad to draw a digit on. The kernel's side is practice/widgets/pad.py.

const SIDE = 8; // cells of the grid for the keyboard, a side
const PAPER = 512; // pixels of the canvas, a side; the style sheet says how large it is shown
const PEN = PAPER / 16;
const PATIENCE = 3000; // milliseconds until the pad says that it still waits

const HELP =
  "Draw with the mouse, a pen or a finger. With the keyboard: arrow keys go from cell to cell, " +
  "Space paints a cell or wipes it, Enter sends, Escape clears.";
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
let count = 0;

function make(tag, parent, properties = {}) {
  const { attributes = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** The ten rows: digit, bar, number. */
function table(parent) {
  const element = make("table", parent);
  make("caption", element, { textContent: "Probability of each digit" });
  const body = make("tbody", element);
  return Array.from({ length: 10 }, (_, digit) => {
    const row = make("tr", body);
    make("th", row, { textContent: digit, scope: "row" });
    const bar = make("div", make("td", row, { className: "bar" }));
    return { row, bar, number: make("td", row, { className: "number" }) };
  });
}

function render({ model, el }) {
  const pad = make("div", el, { className: "course-pad" });
  const helpId = `course-pad-help-${Date.now()}-${count++}`;
  make("p", pad, { id: helpId, className: "help", textContent: HELP });
  const columns = make("div", pad, { className: "columns" });

  const left = make("div", columns);
  const canvas = make("canvas", left, {
    className: "paper",
    width: PAPER,
    height: PAPER,
    tabIndex: 0,
    attributes: {
      role: "application",
      "aria-label": "Paper to draw a digit on, 8 by 8 cells",
      "aria-describedby": helpId,
    },
  });
  const spoken = make("p", left, { className: "unseen", attributes: { role: "status" } });
  const clear = make("button", left, { type: "button", textContent: "Clear" });
  keepPlainKeys(canvas);
  keepPlainKeys(clear);

  const middle = make("figure", columns);
  const small = make("canvas", middle, {
    width: SIDE,
    height: SIDE,
    attributes: { role: "img", "aria-label": "Nothing sent yet" },
  });
  make("figcaption", middle, { textContent: "What is sent: 8\u00a0×\u00a08 numbers, 0\u00a0to\u00a016" });

  const rows = table(columns);
  const status = make("p", pad, { className: "result", attributes: { role: "status" } });

  const { strokes: drawn = [], cells: painted = [] } = model.get("drawing");
  let strokes = drawn.map((stroke) => [...stroke]);
  let cells = new Set(painted.map(([row, column]) => row * SIDE + column));
  let number = model.get("drawing").number ?? 0;
  let cursor = [0, 0];
  let byKeyboard = false;
  let pen = null;
  let timer;

  function paint() {
    const paper = canvas.getContext("2d");
    const cell = PAPER / SIDE;
    paper.fillStyle = "white";
    paper.fillRect(0, 0, PAPER, PAPER);
    paper.fillStyle = "#444444";
    for (const index of cells) {
      paper.fillRect((index % SIDE) * cell, Math.floor(index / SIDE) * cell, cell, cell);
    }
    Object.assign(paper, { strokeStyle: "black", lineWidth: PEN, lineCap: "round" });
    paper.lineJoin = "round";
    for (const stroke of strokes) {
      paper.beginPath();
      paper.moveTo(stroke[0][0] * PAPER, stroke[0][1] * PAPER);
      for (const [x, y] of stroke) paper.lineTo(x * PAPER, y * PAPER);
      paper.stroke();
    }
    if (!byKeyboard) return;
    Object.assign(paper, { strokeStyle: "#767676", lineWidth: 1 });
    for (let line = 1; line < SIDE; line++) {
      paper.strokeRect(line * cell, -1, 0, PAPER + 2);
      paper.strokeRect(-1, line * cell, PAPER + 2, 0);
    }
    // Orange between two black lines is seen on white and on paint.
    for (const [colour, width] of [["black", 14], ["#e69f00", 8]]) {
      Object.assign(paper, { strokeStyle: colour, lineWidth: width, lineJoin: "miter" });
      paper.strokeRect(cursor[1] * cell + 7, cursor[0] * cell + 7, cell - 14, cell - 14);
    }
  }

  function send() {
    number += 1;
    const chosen = [...cells].map((index) => [Math.floor(index / SIDE), index % SIDE]);
    model.set("drawing", { number, strokes, cells: chosen });
    model.save_changes();
    clearTimeout(timer);
    if (!strokes.length && !cells.size) return show();
    status.textContent = "Asked. The answer is on its way.";
    timer = setTimeout(() => {
      status.textContent =
        "No answer yet. It comes when the cell that runs is done; if none runs, the kernel has " +
        "ended: start it and run the cells again.";
    }, PATIENCE);
  }

  function show() {
    const answer = model.get("answer");
    // An answer to an older drawing: its own is still to come.
    if ((answer.number ?? 0) < number && (strokes.length || cells.size)) return;
    clearTimeout(timer);
    const empty = !strokes.length && !cells.size;
    const { image, probabilities, error } = empty ? {} : answer;
    const ink = small.getContext("2d");
    ink.fillStyle = "white";
    ink.fillRect(0, 0, SIDE, SIDE);
    (image ?? []).forEach((value, index) => {
      const grey = 255 - Math.round((255 * value) / 16);
      ink.fillStyle = `rgb(${grey} ${grey} ${grey})`;
      ink.fillRect(index % SIDE, Math.floor(index / SIDE), 1, 1);
    });
    const label = image ? "The drawing as an image of 8 by 8 pixels" : "Nothing sent yet";
    small.setAttribute("aria-label", label);
    const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
    rows.forEach(({ row, bar, number: text }, digit) => {
      row.classList.toggle("best", digit === best);
      bar.style.width = probabilities ? `${100 * probabilities[digit]}%` : "0";
      text.textContent = probabilities ? percent(probabilities[digit]) : "";
    });
    status.classList.toggle("error", Boolean(error));
    if (error) status.textContent = `Error. ${error}`;
    else if (best < 0) status.textContent = "Draw a digit from 0 to 9.";
    else status.textContent = `It looks like a ${best} (${percent(probabilities[best])}).`;
  }

  function wipe() {
    [strokes, cells] = [[], new Set()];
    send();
    paint();
    spoken.textContent = "The paper is empty.";
  }

  function at(event) {
    const box = canvas.getBoundingClientRect();
    const inside = (share) => Math.min(1, Math.max(0, share));
    return [
      inside((event.clientX - box.left) / box.width),
      inside((event.clientY - box.top) / box.height),
    ];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || pen !== null) return;
    pen = event.pointerId;
    canvas.setPointerCapture(pen);
    byKeyboard = false;
    strokes.push([at(event)]);
    paint();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pen) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    strokes.at(-1).push(...(passed.length ? passed : [event]).map(at));
    paint();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      if (event.pointerId !== pen) return;
      pen = null;
      send();
    });
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const move = MOVES[event.key];
    if (move) cursor = cursor.map((place, axis) => (place + move[axis] + SIDE) % SIDE);
    else if (event.key === " ") {
      const index = cursor[0] * SIDE + cursor[1];
      if (!cells.delete(index)) cells.add(index);
    } else if (event.key === "Enter" && !event.shiftKey) send();
    else if (event.key === "Escape") wipe();
    else return;
    event.preventDefault();
    event.stopPropagation();
    byKeyboard = true;
    paint();
    if (move || event.key === " ") {
      const state = cells.has(cursor[0] * SIDE + cursor[1]) ? "painted" : "empty";
      spoken.textContent = `Row ${cursor[0] + 1}, column ${cursor[1] + 1}: ${state}`;
    }
  });
  canvas.addEventListener("focus", () => {
    byKeyboard = canvas.matches(":focus-visible");
    paint();
  });
  canvas.addEventListener("blur", () => {
    byKeyboard = false;
    paint();
  });
  clear.addEventListener("click", wipe);

  model.on("change:answer", show);
  paint();
  show();
  return () => {
    clearTimeout(timer);
    model.off("change:answer", show);
  };
}

export default { render };
