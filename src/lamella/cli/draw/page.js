"use strict";
const $ = (id) => document.getElementById(id);
const served = document.documentElement.hasAttribute("data-served");
const percent = (p) => (p < 0.0005 ? "<0.1%" : p > 0.9995 ? ">99.9%" : `${(100 * p).toFixed(1)}%`);
const board = new Board($("board"), update);
let image = null, lastKept = null, version = null, tuning = false, said;

function update() {
  image = board.strokes.length ? prepare(board.ink(), SIZE, SIZE) : null;
  const focused = document.activeElement, shown = image ?? new Uint8Array(SIDE * SIDE);
  $("undo").disabled = !board.past.length;
  $("clear").disabled = !board.strokes.length;
  showAnswer(image && network.predict(image));
  paintGrey($("seen"), shown, SIDE);
  showResponse(network.layers(shown), image !== null);
  if (focused?.disabled) $("board").focus({ preventScroll: true });
}

function showAnswer(p) {
  const best = p ? p.indexOf(Math.max(...p)) : -1;
  $("guess").textContent = p ? network.classNames[best] : "–";
  $("sure").textContent = p ? percent(p[best]) : "Draw with a mouse, a pen or a finger.";
  [...$("bars").children].forEach((row, i) => {
    row.classList.toggle("best", i === best);
    row.querySelector("i").style.width = `${p ? 100 * p[i] : 0}%`;
    row.querySelector("em").textContent = p ? percent(p[i]) : "";
  });
  for (const button of $("labels").children) {
    button.disabled = !p;
    button.classList.toggle("best", button.value === network.classNames[best]);
  }
  clearTimeout(said);  /* screen readers hear the answer once the pen rests */
  said = setTimeout(() => { $("spoken").textContent = p ? `${$("guess").textContent}, ${$("sure").textContent}` : ""; }, 600);
}

/* The outputs of the first layer of weights, after its activation. */
function showResponse(layers, drawn) {
  const names = Object.keys(layers), dense = names.filter((name) => name.endsWith(" Dense"));
  const name = dense.length > 1 ? names[names.indexOf(dense[1]) - 1] : dense[0] ?? names[0];
  const values = layers[name], largest = Math.max(...values.map(Math.abs), 1e-9);
  const width = Math.ceil(Math.sqrt(values.length)), active = values.filter((v) => Math.abs(v) > 0.1 * largest);
  const grey = new Uint8Array(width * Math.ceil(values.length / width));
  const signed = Math.min(...values) < 0;  /* then grey is 0, and black the most negative */
  if (drawn) values.forEach((v, i) => { grey[i] = signed ? 127.5 * (1 + v / largest) : 255 * v / largest; });
  paintGrey($("response"), grey, width);
  $("units").textContent = `${drawn ? active.length : 0} of ${values.length} units are active.`;
}

function paintGrey(canvas, grey, width) {
  canvas.width = width;
  canvas.height = grey.length / width;
  const pixels = new ImageData(canvas.width, canvas.height);
  grey.forEach((v, i) => pixels.data.set([v, v, v, 255], 4 * i));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

/* Ask the server; show its message if it refuses, and load the network again if it has a new one. */
async function ask(path, body) {
  let answer;
  try {
    const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(path, options);
    answer = await response.json();
  } catch {
    answer = { error: "The server does not answer: is lamella draw still running?" };
  }
  if (answer.error) {
    say(answer.error, true);
    return null;
  }
  $("kept").textContent = `${answer.train} to train on, ${answer.test} for testing only (every fifth of a class), in ${answer.folder}`;
  $("about").textContent = answer.model;
  $("tune").disabled = answer.train === 0;
  if (version !== null && version !== answer.version) await loadNetwork(answer.version);
  version = answer.version;
  return answer;
}

function loadNetwork(number) {
  return new Promise((resolve) => {
    const script = document.createElement("script");
    script.src = `model.js?${number}`;
    script.onload = () => { script.remove(); update(); resolve(); };
    script.onerror = resolve;
    document.head.append(script);
  });
}

function say(text, wrong = false) {
  $("message").textContent = text;
  $("message").classList.toggle("wrong", wrong);
}

async function keep(label) {
  if (!image) return;
  const pixels = btoa(String.fromCharCode(...image));
  board.clear();
  const answer = await ask("keep", { label, pixels });
  if (!answer) return board.strokes.length || board.undo();
  lastKept = pixels;
  $("back").hidden = false;
  say(`Kept as ${label}${answer.part === "test" ? ", for testing only" : ""}.`);
}

async function takeBack() {
  const answer = await ask("remove", { pixels: lastKept });
  if (!answer) return;
  $("back").hidden = true;
  say("Taken back.");
}

async function tune() {
  if (tuning) return;
  tuning = true;
  $("tune").textContent = "Training …";
  const answer = await ask("tune", {});
  $("tune").textContent = "Fine-tune on my digits";
  tuning = false;
  if (!answer) return;
  $("scores").hidden = false;
  $("scores").tBodies[0].replaceChildren(...answer.scores.map(([name, count, before, after]) => {
    const row = document.createElement("tr"), head = document.createElement("th");
    head.scope = "row";
    head.textContent = `${name} (${count.toLocaleString("en")})`;
    row.append(head);
    for (const value of [before, after]) row.insertCell().textContent = `${(100 * value).toFixed(count > 999 ? 2 : 0)}%`;
    return row;
  }));
  say(`Trained for ${answer.seconds.toFixed(1)} s.`);
}

function button(name, action) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", value: name, textContent: name, disabled: true, onclick: action });
  made.setAttribute("aria-label", `Keep as ${name}`);
  return made;
}

for (const name of network.classNames) {
  const row = document.createElement("li");
  row.innerHTML = "<b></b><span class=bar aria-hidden=true><i></i></span><em></em>";
  row.querySelector("b").textContent = name;
  $("bars").append(row);
  $("labels").append(button(name, () => keep(name)));
}
$("undo").onclick = () => board.undo();
$("clear").onclick = () => board.clear();
$("back").onclick = takeBack;
$("tune").onclick = tune;
addEventListener("keydown", (event) => {
  const control = event.ctrlKey || event.metaKey;
  if (event.altKey || event.repeat && !control) return;
  if (control && event.key === "z") { event.preventDefault(); board.undo(); }
  else if (!control && event.key === "Escape") board.clear();
  else if (!control && served && network.classNames.includes(event.key)) keep(event.key);
});
if (served) {
  ask("state");
  addEventListener("visibilitychange", () => { if (!document.hidden) ask("state"); });  /* another tab may have trained */
}
update();
