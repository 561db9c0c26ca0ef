/* The page "Explore": what was chosen stands in the address, and everything shown follows from it.
   Data: explore/index.js (`explorable`) and a script for each network, which sets `explored[name]`. */
"use strict";

(() => {
  const UNIT = 1000; // strengths are whole thousandths of the largest of their layer and sample
  const SVG = "http://www.w3.org/2000/svg";
  const SHARED = "#9A9A9A", FORGOTTEN = "#E69F00", OUTPUT = "#0072B2", CHOSEN = "#009E73";
  const folder = new URL("explore/", document.currentScript.src);
  const shown = { game: "", sample: 0, layer: 0, tau: 50, pick: "" };
  const part = {}; // elements of the page that change

  /* ---- elements --------------------------------------------------------------------------------------------- */

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function drawn(name, attributes = {}, text = "") {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }

  function labelled(text, control) {
    return element("label", {}, text, control);
  }

  function slider(minimum, maximum, step) {
    return element("input", { type: "range", min: minimum, max: maximum, step });
  }

  function fill(select, options, chosen) {
    select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
    select.value = chosen;
  }

  /* ---- the state and the address ---------------------------------------------------------------------------- */

  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const key of ["game", "pick"]) if (given.has(key)) shown[key] = given.get(key);
    for (const key of ["sample", "layer", "tau"]) {
      if (/^\d+$/.test(given.get(key) ?? "")) shown[key] = Number(given.get(key));
    }
    if (!Object.hasOwn(explorable, shown.game)) shown.game = Object.keys(explorable)[0];
    shown.tau = Math.min(Math.max(shown.tau, 50), 500);
    if (!given.has("layer")) shown.layer = Infinity; // the output
  }

  function writeAddress() {
    history.replaceState(null, "", "#" + new URLSearchParams(Object.entries(shown)));
  }

  /* A network's script is fetched when it is first looked at. */
  function load(name, then) {
    if (Object.hasOwn(explored, name)) return then();
    const script = element("script", { src: new URL(explorable[name].file, folder).href });
    script.onload = then;
    script.onerror = () => { part.note.textContent = `The data of ${name} are not there.`; };
    document.head.append(script);
  }

  /* ---- what the numbers say --------------------------------------------------------------------------------- */

  /* An interaction's row: kind, coalition, then its strength in each layer. */
  const keyOf = (row) => `${row[0] ? "or" : "and"}-${row[1]}`;
  const playersOf = (row) => [...Array(20).keys()].filter((player) => (row[1] >> player) & 1);
  const isSalient = (whole) => Math.abs(whole) > shown.tau;

  /* The strength in log-odds, 0 where it is not salient. */
  function strength(row, layer, sample) {
    const whole = row[2 + layer];
    return isSalient(whole) ? (whole * sample.largest[layer]) / UNIT : 0;
  }

  function listed(sample) {
    return sample.interactions
      .filter((row) => isSalient(row[2 + shown.layer]))
      .sort((a, b) => Math.abs(b[2 + shown.layer]) - Math.abs(a[2 + shown.layer]));
  }

  const number = (value) => value.toFixed(2).replace("-", "−");

  function nameOf(row, sample) {
    const names = playersOf(row).map((player) => sample.boxes ? String(player + 1) : sample.names[player]);
    return names.join(row[0] ? " or " : " and ");
  }

  /* ---- drawing ---------------------------------------------------------------------------------------------- */

  function draw() {
    const game = explored[shown.game];
    shown.sample = Math.min(shown.sample, game.samples.length - 1);
    shown.layer = Math.min(shown.layer, game.layers.length - 1);
    const sample = game.samples[shown.sample];
    drawChoices(game, sample);
    const rows = listed(sample);
    let picked = sample.interactions.find((row) => keyOf(row) === shown.pick);
    if (!picked) {
      picked = rows[0];
      shown.pick = picked ? keyOf(picked) : "";
    }
    drawInput(sample, picked);
    drawList(sample, rows);
    drawBars(game, sample, picked);
    writeAddress();
  }

  function drawChoices(game, sample) {
    const { dataset, network } = explorable[shown.game];
    const names = Object.keys(explorable);
    fill(part.dataset, [...new Set(names.map((name) => explorable[name].dataset))].map((d) => [d, d]), dataset);
    const same = names.filter((name) => explorable[name].dataset === dataset);
    fill(part.network, same.map((name) => [name, explorable[name].network]), shown.game);
    fill(part.sample, game.samples.map((s, k) => [k, `no. ${s.sample} (class ${s.label})`]), shown.sample);
    part.layer.max = game.layers.length - 1;
    part.layer.value = shown.layer;
    part.tau.value = shown.tau;
    const layer = game.layers[shown.layer];
    part.layer.setAttribute("aria-valuetext", layer);
    part.tau.setAttribute("aria-valuetext", `${shown.tau / 10} percent`);
    part.layerName.textContent = `Layer ${shown.layer + 1} of ${game.layers.length}: ${layer}`;
    part.tauName.textContent = `τ: ${shown.tau / 10} % of the largest strength`;
    part.note.textContent =
      `${network} on ${dataset}, ${layer}: accuracy ${game.accuracy[shown.layer]} %. ` +
      `Log-odds of the true label: ${number(sample.all[shown.layer])} with all players, ` +
      `${number(sample.none[shown.layer])} with none.`;
  }

  function drawInput(sample, picked) {
    const inside = picked ? playersOf(picked) : [];
    if (sample.boxes) {
      const [width, height] = sample.size;
      const label = "Players of the image; chosen are " + inside.map((player) => player + 1).join(", ");
      const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
      if (sample.image) svg.append(drawn("image", { href: new URL(sample.image, folder).href, width, height }));
      sample.boxes.forEach(([x, y, w, h], player) => {
        const chosen = inside.includes(player);
        const fill = chosen ? CHOSEN : sample.image ? "none" : "#E0E0E0";
        svg.append(drawn("rect", {
          x, y, width: w, height: h, fill, "fill-opacity": chosen ? 0.5 : 1, stroke: "#808080", "stroke-width": 0.15,
          class: chosen ? "player in" : "player",
        }));
        const place = { x: x + 0.2, y: y + 1.3, "font-size": 1.2, fill: sample.image ? "#fff" : "#000", class: "name" };
        svg.append(drawn("text", place, String(player + 1)));
      });
      part.input.className = "picture";
      part.input.replaceChildren(svg);
      return;
    }
    const words = sample.names.map((name, player) =>
      element("span", { class: inside.includes(player) ? "player in" : "player" }, name));
    part.input.className = "words";
    part.input.replaceChildren(...(sample.sentence ? [element("p", {}, sample.sentence)] : []), ...words);
  }

  function drawList(sample, rows) {
    const focused = document.activeElement?.dataset?.key;
    part.count.textContent = `${rows.length} salient interactions, the strongest first`;
    part.list.replaceChildren(...rows.map((row) => {
      const effect = number(strength(row, shown.layer, sample));
      const text = `${row[0] ? "OR" : "AND"} ${effect}: ${nameOf(row, sample)}`;
      const key = keyOf(row);
      const button = element("button", { type: "button", "data-key": key, "aria-pressed": key === shown.pick }, text);
      button.onclick = () => { shown.pick = key; draw(); };
      return button;
    }));
    if (focused) [...part.list.children].find((button) => button.dataset.key === focused)?.focus();
  }

  /* Grey is what the output has too, orange what it has not, the line is the output's effect. */
  function drawBars(game, sample, picked) {
    const effects = picked ? game.layers.map((_, layer) => strength(picked, layer, sample)) : [];
    const output = effects.at(-1) ?? 0;
    const limit = Math.max(...effects.map(Math.abs), 1e-9);
    const [width, height, left, bottom] = [420, 220, 46, 24];
    const step = (width - left) / game.layers.length;
    const y = (effect) => (height - bottom) / 2 - (effect / limit) * ((height - bottom) / 2 - 12);
    const name = picked ? `${picked[0] ? "OR" : "AND"} of ${nameOf(picked, sample)}` : "no interaction";
    const said = effects.map((effect, layer) => `${game.layers[layer]} ${number(effect)}`).join(", ");
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${name}: ${said}` });
    const bar = (layer, effect, fill, more) => drawn("rect", {
      x: left + layer * step + step * 0.1, width: step * 0.8, fill, ...more,
      y: Math.min(y(0), y(effect)), height: Math.abs(y(effect) - y(0)),
    });
    effects.forEach((effect, layer) => {
      const same = effect * output > 0 ? Math.sign(effect) * Math.min(Math.abs(effect), Math.abs(output)) : 0;
      svg.append(bar(layer, effect, FORGOTTEN, { class: "bar", "data-effect": effect }), bar(layer, same, SHARED));
      if (layer === shown.layer) {
        svg.append(bar(layer, effect, "none", { stroke: "#000", "stroke-width": 2 }));
      }
      const last = layer === effects.length - 1;
      svg.append(drawn("text", { x: left + (layer + 0.5) * step, y: height - 8, "font-size": 12,
        "text-anchor": "middle" }, last ? "out" : String(layer + 1)));
    });
    const line = (at, more) => drawn("line", { x1: left, x2: width, y1: y(at), y2: y(at), ...more });
    svg.append(line(0, { stroke: "#000" }), line(output, { stroke: OUTPUT, "stroke-dasharray": "5 3" }));
    for (const at of effects.length ? [limit, 0, -limit] : []) {
      svg.append(drawn("text", { x: left - 6, y: y(at) + 4, "font-size": 12, "text-anchor": "end" }, number(at)));
    }
    part.barsName.textContent = name;
    part.bars.replaceChildren(svg);
  }

  /* ---- start ------------------------------------------------------------------------------------------------ */

  function refresh() {
    load(shown.game, draw);
  }

  function build(root) {
    for (const key of ["dataset", "network", "sample"]) part[key] = element("select", { id: `explore-${key}` });
    part.layer = slider(0, 1, 1);
    part.tau = slider(50, 500, 10);
    for (const key of ["layer", "tau"]) part[key].id = `explore-${key}`;
    for (const key of ["layerName", "tauName"]) part[key] = element("span");
    for (const key of ["note", "count", "barsName"]) part[key] = element("p", { "aria-live": "polite" });
    part.list = element("div", { class: "list", tabindex: 0, role: "group", "aria-label": "Interactions" });
    part.input = element("div");
    part.bars = element("div", { class: "bars" });
    root.append(
      element("div", { class: "choices" },
        labelled("Data set", part.dataset), labelled("Network", part.network), labelled("Sample", part.sample),
        labelled(part.layerName, part.layer), labelled(part.tauName, part.tau)),
      part.note,
      element("div", { class: "panels" },
        part.input, element("div", {}, part.count, part.list), element("div", {}, part.barsName, part.bars)));
    const choose = (key, value) => { shown[key] = value; refresh(); };
    part.dataset.onchange = () => {
      const first = Object.keys(explorable).find((name) => explorable[name].dataset === part.dataset.value);
      Object.assign(shown, { sample: 0, layer: Infinity, pick: "" });
      choose("game", first);
    };
    part.network.onchange = () => choose("game", part.network.value);
    part.sample.onchange = () => { shown.pick = ""; choose("sample", Number(part.sample.value)); };
    part.layer.oninput = () => choose("layer", Number(part.layer.value));
    part.tau.oninput = () => choose("tau", Number(part.tau.value));
  }

  document.addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("explorer");
    if (!root || typeof explorable === "undefined") return;
    build(root);
    readAddress();
    refresh();
    addEventListener("hashchange", () => { readAddress(); refresh(); });
  });
})();
