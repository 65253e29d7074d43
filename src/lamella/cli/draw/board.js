"use strict";
const SIZE = 280, PEN = 24;  /* on a digit of 200 this makes strokes of 2.4 pixels, like MNIST's */

/* A drawing: strokes are lists of points [x, y] from 0 to SIZE. Each change can be undone. */
class Board {
  constructor(canvas, onChange) {
    this.canvas = canvas;
    this.onChange = onChange;
    this.strokes = [];
    this.past = [];  /* earlier values of strokes */
    this.pointer = null;
    this.pen = { x: SIZE / 2, y: SIZE / 2, down: false, visible: false };
    this.sheet = new OffscreenCanvas(SIZE, SIZE).getContext("2d", { willReadFrequently: true });
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"])
      canvas.addEventListener(type, (event) => this.end(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => { Object.assign(this.pen, { down: false, visible: false }); this.changed(); });
    new ResizeObserver(() => this.paint()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  begin(event) {
    if (this.pointer !== null || event.button !== 0) return;  /* one finger draws, others are ignored */
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    Object.assign(this.pen, { down: false, visible: false });
    this.add(this.at(event));
  }

  move(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.strokes.at(-1).push(this.at(each));
    this.changed();
  }

  end(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.changed();
  }

  key(event) {
    const step = event.shiftKey ? 2 : 10;
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (event.key !== " " && !dx && !dy) return;
    event.preventDefault();
    if (this.pointer !== null) return;
    const inside = (v) => Math.min(Math.max(v, PEN / 2), SIZE - PEN / 2);
    Object.assign(this.pen, { x: inside(this.pen.x + step * dx), y: inside(this.pen.y + step * dy), visible: true });
    if (event.key === " ") this.pen.down = !this.pen.down;
    const point = [this.pen.x, this.pen.y];
    if (event.key !== " " && this.pen.down) this.strokes.at(-1).push(point);
    else if (this.pen.down) this.add(point);
    this.changed();
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * SIZE, (event.clientY - box.top) / box.height * SIZE];
  }

  add(point) {
    this.past.push(this.strokes);
    this.strokes = [...this.strokes, [point]];
    this.changed();
  }

  undo() {
    if (!this.past.length) return;
    this.strokes = this.past.pop();
    this.lift();
  }

  clear() {
    if (!this.strokes.length) return;
    this.past.push(this.strokes);
    this.strokes = [];
    this.lift();
  }

  lift() {
    this.pointer = null;
    this.pen.down = false;
    this.changed();
  }

  /* The ink of SIZE x SIZE pixels, 0 to 255. */
  ink() {
    this.sheet.clearRect(0, 0, SIZE, SIZE);
    this.draw(this.sheet, "#000");
    const { data } = this.sheet.getImageData(0, 0, SIZE, SIZE), ink = new Uint8Array(SIZE * SIZE);
    for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3];
    return ink;
  }

  changed() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      this.paint();
      this.onChange();
    });
  }

  paint() {
    const context = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas);
    this.canvas.width = this.canvas.height = Math.round(this.canvas.clientWidth * devicePixelRatio);
    context.scale(this.canvas.width / SIZE, this.canvas.width / SIZE);
    this.draw(context, style.color);
    if (!this.pen.visible) return;
    context.lineWidth = 2;
    context.strokeStyle = style.getPropertyValue("--link");
    context.beginPath();
    context.arc(this.pen.x, this.pen.y, PEN / (this.pen.down ? 2.6 : 1.6), 0, 7);
    context.stroke();
  }

  draw(context, colour) {
    Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: colour });
    for (const stroke of this.strokes) {
      context.beginPath();
      context.moveTo(...stroke[0]);
      for (const point of stroke) context.lineTo(...point);
      context.stroke();
    }
  }
}
