/* The drawer of a cell: times, parts, errors, notes, source and command. */

function open(self, cell) {
  self.state.cell = cell.dataset.at;
  remember("matrix", { drawer: true });
  showDrawer(self);
}

function wireDrawer(self) {
  self.dialog.addEventListener("close", () => {
    if (!self.state.cell) return;
    delete self.state.cell;
    if (history.state?.drawer) history.back();
    else remember("matrix");
  });
  self.dialog.addEventListener("click", (event) => {
    if (event.target === self.dialog) self.dialog.close();
  });
}

function showDrawer(self) {
  const at = self.state.cell;
  const [, , direction, dtype] = self.view[0];
  const drawer = at && self.drawers[`${at}|${direction}|${dtype}`];
  if (!drawer) return self.dialog.open && self.dialog.close();
  WIDTH = Math.min(640, innerWidth - 40);
  self.dialog.replaceChildren(...content(self, drawer));
  if (self.dialog.open) return undefined;
  self.sheet.querySelector(`[data-at="${CSS.escape(at)}"]`)?.focus();
  return self.dialog.showModal();
}

function content(self, drawer) {
  const close = make("button", { type: "button", textContent: "Close", className: "close" });
  close.addEventListener("click", () => self.dialog.close());
  const figures = (values) => Object.entries(values || {}).map(([name, cell]) => figure(self.metrics[name], cell));
  const time = [
    ...block("Time", drawer.times && [timeChart(drawer, self.floors[drawer.floor] || []), timeTable(drawer)]),
    ...block("Parts of the cost", drawer.parts && [make("dl", {}, ...figures(drawer.parts).flat())]),
  ];
  const exactness = block("Exactness", drawer.errors && [
    make("dl", {}, ...figures(drawer.errors).flat()),
    make("p", { className: "note", textContent: `${drawer.worst}.`.replace(/^a/, "A") }),
    drawer.binades && binadeChart(drawer.binades, self.edges[drawer.dtype]),
  ]);
  const parts = [
    close,
    make("h2", { id: "drawer-title", textContent: drawer.title }),
    make("p", { className: "muted", textContent: drawer.below }),
    lead(self),
    drawer.formula && make("p", {}, make("code", { textContent: drawer.formula })),
    ...(drawer.missing || []).map((text) => make("p", { className: "warning", textContent: `Not measured: ${text}.` })),
    ...(drawer.notes || []).map((text) => make("p", { className: "note", textContent: text })),
    ...(self.view[0][0] === "error" ? [...exactness, ...time] : [...time, ...exactness]),
    ...block("Forms", drawer.forms?.length > 1 && [formTable(drawer)]),
    ...block("Source today", self.sources[drawer.source] && [
      make("pre", { tabIndex: 0, textContent: self.sources[drawer.source] })]),
    ...block("Measure it again", drawer.command && [make("pre", { tabIndex: 0, textContent: drawer.command })]),
  ];
  return parts.filter(Boolean);
}

/* The figure of the cell with what it is. */
function lead(self) {
  const cell = self.sheet.querySelector(`[data-at="${CSS.escape(self.state.cell)}"]`);
  const caption = self.sheet.querySelector("caption").textContent;
  if (!cell) return null;
  const text = [...cell.childNodes].filter((node) => !/^(I|SPAN)$/.test(node.tagName)).map((node) => node.textContent);
  const marks = [...cell.querySelectorAll(".sr")].map((node) => `${node.previousSibling.textContent} ${node.textContent}`);
  return make("p", { className: "figure" }, make("b", { textContent: text.join(" ").trim() }), " ",
    [caption, cell.title, ...marks].filter(Boolean).join("; "));
}

function block(title, nodes) {
  return nodes ? [make("h3", { textContent: title }), ...nodes.filter(Boolean)] : [];
}

function figure([name, meaning, unit], cell) {
  const kind = unit === "ns" ? "time" : unit;
  const shown = Array.isArray(cell) ? intervalCell(kind, cell) : [Number.isInteger(cell) && cell < 1e6 ? cell.toLocaleString("en-US") : number(cell)];
  const tail = ["ns", "share", "ratio"].includes(unit) ? "" : ` ${unit}`;
  return [make("dt", { textContent: name, title: meaning }), make("dd", {}, ...shown, tail, make("small", { textContent: ` ${meaning}` }))];
}

function table(heads, rows) {
  const cells = (tag, line) => line.map((cell) => {
    const node = make(tag, {}, ...[cell].flat());
    if (tag === "th") node.scope = "col";
    return node;
  });
  const place = make("div", { className: "scroll", tabIndex: 0 }, make("table", {},
    make("thead", {}, make("tr", {}, ...cells("th", heads))),
    make("tbody", {}, ...rows.map((line) => make("tr", {}, ...cells("td", line))))));
  place.setAttribute("role", "region");
  place.ariaLabel = heads.join(", ");
  return place;
}

const orDash = (kind, cell) => (cell ? intervalCell(kind, cell) : "–");

function timeTable(drawer) {
  const heads = ["Elements", "Per call", "Per element", "Cost", "Over", "Conditions", "Sampling"];
  return table(heads, drawer.times.map(([size, time, cost, unit, setup, sampling]) => [
    size.toLocaleString("en-US"), intervalCell("time", time), `${number(time[0] / size)} ns`,
    orDash("", cost), unit, setup, make("small", { textContent: sampling })]));
}

function formTable(drawer) {
  const heads = ["Form", "Cost", "At elements", "Largest error, ulp"];
  return table(heads, drawer.forms.map(([form, size, cost, error]) => [
    form, orDash("", cost), size ? size.toLocaleString("en-US") : "–", number(error)]));
}

/* --- charts --- */

const SVG = new DOMParser().parseFromString("<svg></svg>", "text/html").body.firstChild.namespaceURI;
let WIDTH = 640;  // less on a narrow screen, so that words keep their size
const HEIGHT = 220;
const EDGE = { left: 56, right: 96, top: 12, bottom: 34 };

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([key, text]) => node.setAttribute(key, text));
  node.append(...children);
  return node;
}

function frame(label, ...children) {
  return make("figure", {}, svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, ...children));
}

const label = (x, y, text, anchor = "middle") => svg("text", { x, y, "text-anchor": anchor }, text);

function logScale(low, high, from, to) {
  const [a, b] = [Math.log10(low), Math.log10(high)];
  return (x) => from + ((Math.log10(x) - a) / (b - a || 1)) * (to - from);
}

const powers = (low, high) => Array.from(
  { length: Math.round(Math.log10(high / low)) + 1 }, (_, i) => 10 ** (Math.round(Math.log10(low)) + i));

const tick = (power) => (power >= 1e6 ? `10^${Math.round(Math.log10(power))}` : power.toLocaleString("en-US"));

/* Heights of labels, moved apart so that none hides another. */
function apart(heights) {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b]);
  const moved = [...heights];
  order.forEach((at, i) => { if (i) moved[at] = Math.max(moved[at], moved[order[i - 1]] + 14); });
  return moved;
}

/* Time per element over size, a line for each condition, and a copy's below. */
function timeChart(drawer, floor) {
  const lines = Map.groupBy(drawer.times, (time) => time[4]);
  const copy = Map.groupBy(floor, (time) => time[4]).get([...lines.keys()][0]);
  const named = [...lines, ...(copy ? [["a copy", copy]] : [])];
  const points = named.map(([name, times]) => [name, times.map(([size, time]) => [size, time[0] / size]).sort((a, b) => a[0] - b[0])]);
  const [xs, ys] = [0, 1].map((i) => points.flatMap(([, of]) => of.map((point) => point[i])));
  if (new Set(xs).size < 2) return null;
  const [low, high] = [10 ** Math.floor(Math.log10(Math.min(...ys))), 10 ** Math.ceil(Math.log10(Math.max(...ys)))];
  const x = logScale(Math.min(...xs), Math.max(...xs), EDGE.left, WIDTH - EDGE.right);
  const y = logScale(low, high, HEIGHT - EDGE.bottom, EDGE.top);
  const rules = powers(low, high).flatMap((power) => [
    svg("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(power), y2: y(power), class: "rule" }),
    label(EDGE.left - 6, y(power) + 4, tick(power), "end")]);
  const ends = apart(points.map(([, of]) => y(of[of.length - 1][1])));
  const drawn = points.flatMap(([name, of], i) => {
    const kind = name === "a copy" ? "floor" : `line-${(i % 4) + 1}`;
    return [
      svg("polyline", { points: of.map(([a, b]) => `${x(a)},${y(b)}`).join(" "), class: kind }),
      ...of.map(([a, b]) => svg("circle", { cx: x(a), cy: y(b), r: 3, class: kind })),
      label(WIDTH - EDGE.right + 8, ends[i] + 4, name.replace("1 thread, ", ""), "start")];
  });
  const sizes = [...new Set(xs)].map((size) => label(x(size), HEIGHT - 16, size >= 1024 ? `2^${Math.round(Math.log2(size))}` : size));
  return frame(`Nanoseconds per element over the number of elements`, ...rules, ...sizes,
    label((EDGE.left + WIDTH - EDGE.right) / 2, HEIGHT - 2, "elements; ns per element above"), ...drawn);
}

/* The largest error of each binade, from the most negative inputs to the most positive. */
function binadeChart(errors, edges) {
  const worst = Math.max(1, ...errors.filter((error) => error !== "inf"));
  const high = 10 ** Math.ceil(Math.log10(worst));
  const y = logScale(0.1, high, HEIGHT - EDGE.bottom, EDGE.top);
  const step = (WIDTH - EDGE.left - 8) / errors.length;
  const bars = errors.flatMap((error, i) => {
    if (error === -1) return [];
    const top = error === "inf" ? EDGE.top : y(Math.max(error, 0.1));
    return [svg("rect", {
      x: EDGE.left + i * step, width: Math.max(1, step - 1), y: top, height: Math.max(1, HEIGHT - EDGE.bottom - top),
      class: value(error) > 1000 ? "bad" : "good" })];
  });
  const rules = powers(0.1, high).filter((_, i, all) => all.length < 6 || i % 2 === 0).flatMap((power) => [
    svg("line", { x1: EDGE.left, x2: WIDTH - 8, y1: y(power), y2: y(power), class: "rule" }),
    label(EDGE.left - 6, y(power) + 4, tick(power), "end")]);
  const half = errors.length / 2;
  const ticks = edges.flatMap((exponent, i) => ([-24, -12, 0, 12].includes(exponent) ? [
    label(EDGE.left + (half + 1 + i) * step, HEIGHT - 16, exponent ? `2^${exponent}` : "1"),
    label(EDGE.left + (half - 1 - i) * step, HEIGHT - 16, exponent ? `−2^${exponent}` : "−1")] : []));
  return frame("Largest error of each binade, in ulp, over the input", ...rules, ...bars, ...ticks,
    label(EDGE.left + half * step, HEIGHT - 16, "0"), label(EDGE.left + half * step, HEIGHT - 2, "input; largest error in ulp above"));
}
