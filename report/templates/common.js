/* What all parts of the page share. */

let data;

/* The rows are compressed: JSON, gzip, base 64. */
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/* --- numbers, written as the rest of the page writes them --- */

const value = (cell) => {
  const first = Array.isArray(cell) ? cell[0] : cell;
  if (first === "inf") return Infinity;
  if (first === "-inf") return -Infinity;
  return first;
};

function number(x) {
  if (x === null || x === undefined) return "–";
  x = value(x);
  if (!isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const rounded = Number(x.toPrecision(3));
  const size = Math.abs(rounded);
  if (size >= 1e6 || size < 1e-3) return rounded.toExponential(2).replace("e+", "e");
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(size)));
  return rounded.toLocaleString("en-US", {
    minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

const percent = (x) => `${(value(x) * 100).toFixed(1).replace("-", "−")}%`;

function scaled(cell) {
  const scale = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]].find(([factor]) => Math.abs(cell[0]) >= factor);
  const [factor, unit] = scale || [1, "ns"];
  return [cell.map((x) => (typeof x === "number" ? x / factor : x)), ` ${unit}`];
}

function intervalCell(kind, cell) {
  let [parts, unit] = kind === "time" ? scaled(cell) : [cell, kind === "ratio" ? "×" : ""];
  const [middle, low, high] = parts;
  const shown = kind === "share" ? percent : number;
  const to = low < 0 ? " to " : "–";
  const ends = low === null || high === null ? "" : ` ${shown(low)}${to}${shown(high)}`;
  return [shown(middle) + unit, make("small", { textContent: ends })];
}
