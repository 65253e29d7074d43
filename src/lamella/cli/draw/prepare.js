"use strict";
const SIDE = 28, BOX = 20;
const STROKE = Float32Array.from({ length: 256 }, (_, v) => Math.min(Math.max((v / 255 - 0.25) / 0.35, 0), 1));

/* Prepare ink (0 to 255) as lamella.datasets.read_digit does: cropped, scaled to 20 x 20, and placed
   in 28 x 28 with the centre of mass in the middle. Returns null if there is no ink. */
function prepare(ink, width, height) {
  let top = height, left = width, bottom = 0, right = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (STROKE[ink[y * width + x]] > 0.4) {
        top = Math.min(top, y); bottom = Math.max(bottom, y + 1);
        left = Math.min(left, x); right = Math.max(right, x + 1);
      }
  if (bottom === 0) return null;
  const scale = BOX / Math.max(bottom - top, right - left);
  const rows = weights(top, bottom, Math.max(1, round((bottom - top) * scale)));
  const columns = weights(left, right, Math.max(1, round((right - left) * scale)));
  const small = rows.map((row) => columns.map((column) => {
    let sum = 0;
    for (const [y, a] of row) for (const [x, b] of column) sum += a * b * STROKE[ink[y * width + x]];
    return Math.round(255 * sum);
  }));
  let mass = 0, massY = 0, massX = 0;
  small.forEach((row, y) => row.forEach((v, x) => { mass += v; massY += v * y; massX += v * x; }));
  const corner = (centre, side) => Math.min(Math.max(round(SIDE / 2 - centre), 0), SIDE - side);
  const y0 = corner(massY / mass, rows.length), x0 = corner(massX / mass, columns.length);
  const image = new Uint8Array(SIDE * SIDE);
  small.forEach((row, y) => image.set(row, (y0 + y) * SIDE + x0));
  return image;
}

/* Round as Python does, halves to even numbers. */
function round(v) {
  return v % 1 === 0.5 ? 2 * Math.round(v / 2) : Math.round(v);
}

/* For each of n equal parts of [from, to): the pixels that it covers, with fractions that add up to 1. */
function weights(from, to, n) {
  const length = (to - from) / n;
  return Array.from({ length: n }, (_, i) => {
    const begin = from + i * length, end = begin + length, part = [];
    for (let p = Math.floor(begin); p < Math.min(to, Math.ceil(end)); p++)
      part.push([p, (Math.min(end, p + 1) - Math.max(begin, p)) / length]);
    return part;
  });
}

if (typeof module === "object" && module.exports) module.exports = { prepare };
