"use strict";
// The tab Test: a digit that is drawn, or an image, as the input of the course's endpoints.
// scoring/pytorch/digits_input.py says what they take, and how an image becomes 8 x 8 numbers.
(() => {
  const SIDE = 8, BRIGHTEST = 16, LEAST_CONTRAST = 16;
  const canvas = document.getElementById("digit");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const body = document.getElementById(canvas.closest("[data-fills]").dataset.fills);
  const form = document.getElementById("form");
  const cell = canvas.width / SIDE;
  let last = null, cursor = null, drawn = false;

  const clear = () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    drawn = false;
  };
  // Light strokes on dark, 0 to 255: what differs from the edge's colour is ink.
  const ink = () => {
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    const grey = Array.from({ length: data.length / 4 }, (_, at) =>
      0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2]);
    const wide = canvas.width;
    const edge = [];
    for (let at = 0; at < wide; at += 1) {
      edge.push(grey[at], grey[(wide - 1) * wide + at], grey[at * wide], grey[at * wide + wide - 1]);
    }
    const ground = edge.sort((a, b) => a - b)[edge.length / 2];
    return grey.map((value) => Math.abs(value - ground));
  };
  // The ink's bounding box as a square, averaged down to 8 x 8 areas.
  const numbers = () => {
    const shade = ink(), wide = canvas.width;
    const most = shade.reduce((a, b) => Math.max(a, b), 0);
    if (most < LEAST_CONTRAST) return null;
    let left = wide, right = 0, top = wide, bottom = 0;
    shade.forEach((value, at) => {
      if (value <= most / 4) return;
      const x = at % wide, y = Math.floor(at / wide);
      left = Math.min(left, x); right = Math.max(right, x + 1);
      top = Math.min(top, y); bottom = Math.max(bottom, y + 1);
    });
    const side = Math.max(right - left, bottom - top);
    const x0 = left - (side - (right - left)) / 2, y0 = top - (side - (bottom - top)) / 2;
    const rows = Array.from({ length: SIDE }, () => Array(SIDE).fill(0));
    for (let y = top; y < bottom; y += 1) {
      for (let x = left; x < right; x += 1) {
        const row = Math.min(SIDE - 1, Math.floor(((y + 0.5 - y0) / side) * SIDE));
        const column = Math.min(SIDE - 1, Math.floor(((x + 0.5 - x0) / side) * SIDE));
        rows[row][column] += shade[y * wide + x];
      }
    }
    const brightest = Math.max(...rows.flat());
    return rows.map((row) => row.map((sum) => Math.round((sum / brightest) * BRIGHTEST)));
  };
  const fill = () => {
    const rows = drawn && numbers();
    if (!rows) return;
    const lines = rows.map((row) => `  [${row.join(", ")}]`).join(",\n");
    body.value = {
      data: () => `{"data": [[\n${lines}\n]]}`,
      image: () => JSON.stringify({ image: canvas.toDataURL("image/png").split(",")[1] }),
      input_data: () => `{"input_data": [[\n${rows.map((row) => `  ${row.join(", ")}`).join(",\n")}\n]]}`,
    }[form.value]();
  };
  const line = (from, to) => {
    Object.assign(pen, { strokeStyle: "#000", lineWidth: 22, lineCap: "round", lineJoin: "round" });
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
    drawn = true;
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * canvas.width,
      ((event.clientY - box.top) / box.height) * canvas.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    line(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = at(event);
    line(last, next);
    last = next;
  });
  const lift = () => {
    if (last) fill();
    last = null;
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);

  const moves = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  const clamp = (place) => Math.max(0, Math.min(SIDE - 1, place));
  canvas.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    cursor ??= [3, 0];
    if (move) cursor = cursor.map((place, axis) => clamp(place + move[axis]));
    else {
      const middle = cursor.map((place) => (place + 0.5) * cell);
      line(middle, middle);
      fill();
    }
    canvas.setAttribute("aria-label", `Draw a digit: row ${cursor[1] + 1}, column ${cursor[0] + 1} of 8`);
  });

  const show = async (file) => {
    if (!file?.type.startsWith("image/")) return;
    const image = await createImageBitmap(file);
    clear();
    const scale = Math.min(canvas.width / image.width, canvas.height / image.height);
    const [wide, high] = [image.width * scale, image.height * scale];
    // What an image leaves free of the square has the colour of its corner.
    pen.drawImage(image, 0, 0, 1, 1, 0, 0, canvas.width, canvas.height);
    pen.drawImage(image, (canvas.width - wide) / 2, (canvas.height - high) / 2, wide, high);
    drawn = true;
    fill();
  };
  canvas.addEventListener("dragover", (event) => event.preventDefault());
  canvas.addEventListener("drop", (event) => {
    event.preventDefault();
    show(event.dataTransfer.files[0]);
  });
  document.getElementById("picture").addEventListener("change", (event) => show(event.target.files[0]));
  form.addEventListener("change", fill);
  document.querySelector("[data-clears]").addEventListener("click", clear);
  clear();
})();
