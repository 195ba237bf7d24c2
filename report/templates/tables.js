/* The tables of rows: filters, order, notes and files. */

const STEP = 100;
let tables = [];

/* --- one table: its filters, its header, its rows --- */

function build(id, table) {
  const place = document.querySelector(`[data-table="${id}"]`);
  if (!place || !table.rows.length) return null;
  const at = table.columns.findIndex((column) => column.kind === "command");
  const rows = table.rows.map((cells) => ({ cells, command: at < 0 ? "" : table.columns[at].words[cells[at]] }));
  const notes = data.notes[id] || [];
  const self = { id, table, rows, place, notes, state: {}, shown: STEP };
  self.apply = () => apply(self);
  self.flags = table.columns.findIndex((column) => column.kind === "flags");
  self.every = new Set(notes.map((_, i) => i).filter((i) => rows.every((row) => flagsOf(self, row).includes(i))));
  drawFilters(self);
  drawHead(self);
  place.querySelector(".more").addEventListener("click", () => {
    self.shown += STEP * 5;
    draw(self);
  });
  wireFiles(self);
  wireNotes(self);
  return self;
}

const words = (column, cell) => (column.words ? column.words[cell] : String(cell));

function drawFilters(self) {
  const bar = self.place.querySelector(".filters");
  const search = make("input", { type: "search", placeholder: "gelu, native …" });
  search.addEventListener("input", () => change(self, "q", search.value));
  bar.append(make("label", {}, "Search", search));
  self.controls = { q: search };
  self.table.columns.forEach((column, index) => {
    if (!column.filtered) return;
    const cells = [...new Set(self.rows.map((row) => row.cells[index]))];
    if (cells.length < 2) return;
    cells.sort((a, b) => a - b);
    const select = make("select", {}, new Option("all", ""));
    cells.forEach((cell) => select.add(new Option(shownText(column, cell), words(column, cell))));
    select.addEventListener("change", () => change(self, column.key, select.value));
    bar.append(make("label", {}, column.label, select));
    self.controls[column.key] = select;
  });
  if (self.notes.length) drawFlagFilter(self, bar);
  const reset = make("button", { type: "button", textContent: "Reset" });
  reset.addEventListener("click", () => { self.state = {}; self.apply(); remember(self.id); });
  bar.append(reset);
}

/* --- flags: numbers of the notes under the table --- */

function flagsOf(self, row) {
  if (self.flags < 0) return [];
  const text = words(self.table.columns[self.flags], row.cells[self.flags]);
  return text.split(" ").filter(Boolean).map((number) => number - 1);
}

function drawFlagFilter(self, bar) {
  const select = make("select", {}, new Option("all", ""), new Option("none", "none"));
  self.place.querySelectorAll(".notes strong").forEach((name, i) => {
    select.add(new Option(`${i + 1} ${name.textContent.replace(/\.$/, "")}`, self.notes[i]));
  });
  select.addEventListener("change", () => change(self, "flag", select.value));
  bar.append(make("label", {}, "Note", select));
  self.controls.flag = select;
}

function wireNotes(self) {
  self.place.querySelectorAll("[data-flag]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      self.controls.flag.value = button.dataset.flag;
      change(self, "flag", button.dataset.flag);
      self.place.querySelector(".scroll").focus();
    });
  });
}

function flagged(self, row) {
  if (!self.state.flag) return true;
  const flags = flagsOf(self, row);
  if (self.state.flag === "none") return flags.every((flag) => self.every.has(flag));
  return flags.includes(self.notes.indexOf(self.state.flag));
}

/* A note on every row is not repeated row by row. */
function drawFlags(self, row) {
  const links = flagsOf(self, row).filter((flag) => !self.every.has(flag)).map((flag) => {
    const text = self.place.querySelectorAll(".notes strong")[flag].textContent;
    const link = make("a", { href: `#${self.id}-note-${flag + 1}`, textContent: flag + 1, title: text });
    link.setAttribute("aria-label", `Note ${flag + 1}: ${text}`);
    return link;
  });
  return make("td", { className: "flags" }, ...links);
}

function drawHead(self) {
  const line = self.place.querySelector("thead tr");
  self.table.columns.filter(isShown).forEach((column) => {
    const button = make("button", { type: "button", textContent: column.label });
    button.addEventListener("click", () => {
      const next = self.state.sort === column.key ? `-${column.key}` : column.key;
      change(self, "sort", next);
    });
    const head = make("th", { scope: "col", className: isText(column) ? "" : "number" }, button);
    head.dataset.key = column.key;
    line.append(head);
  });
  line.append(make("th", { scope: "col", textContent: "Measure again" }));
}

const isText = (column) => Boolean(column.words);
const isShown = (column) => Boolean(column.label);

function shownText(column, cell) {
  if (column.words) return column.words[cell];
  return column.kind === "count" && typeof cell === "number" ? cell.toLocaleString("en-US") : number(cell);
}

function drawCell(column, cell) {
  const node = make("td", { className: isText(column) ? "" : "number" });
  if (column.key === "family") node.classList.add(`family-${column.words[cell]}`);
  if (["detail", "reason", "note", "terms"].includes(column.key)) node.classList.add("wide");
  if (column.kind === "code") node.append(make("code", { textContent: words(column, cell) }));
  else if (Array.isArray(cell)) {
    const poor = column.limit !== undefined && Math.abs(value(cell)) > column.limit;
    if (poor) node.classList.add("poor");
    node.append(...intervalCell(column.kind, cell));
  }
  else node.textContent = cell === null ? "–" : shownText(column, cell);
  return node;
}

function drawRow(self, row) {
  const { columns } = self.table;
  const shown = row.cells.map((cell, i) => [columns[i], cell]).filter(([column]) => isShown(column));
  const line = make("tr", {}, ...shown.map(([column, cell]) => (
    column.kind === "flags" ? drawFlags(self, row) : drawCell(column, cell))));
  const last = make("td");
  if (row.command) {
    const button = make("button", { type: "button", textContent: "Copy command" });
    button.addEventListener("click", () => copy(self, button, row.command));
    last.append(button);
  } else last.textContent = "no command: a name is not plain";
  line.append(last);
  return line;
}

async function copy(self, button, text) {
  const status = self.place.querySelector(".status");
  const shown = make("code", { textContent: text });
  try {
    await navigator.clipboard.writeText(text);
    status.replaceChildren("Copied: ", shown);
    button.textContent = "Copied";
  } catch {
    status.replaceChildren("Copy it from here: ", shown);
    status.scrollIntoView({ block: "nearest" });
    getSelection().selectAllChildren(shown);
  }
}

/* --- rows as files: CSV as in RFC 4180, and JSON, with units in the names --- */

const INTERVALS = ["time", "interval", "ratio", "share"];
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const NUMERAL = /^-?(0x[0-9a-f.]+(p[+-]?\d+)?|\d[\d.]*(e[+-]?\d+)?|inf)$/i;

/* `time_per_call [ns]` is three columns: time_per_call value [ns], low and high. */
function names(column) {
  const header = column.header || column.key;
  const ends = INTERVALS.includes(column.kind) ? [" value", " low", " high"] : [""];
  return ends.map((end) => header.replace(/(?= \[|$)/, end));
}

function values(self, row, column, cell) {
  if (column.kind === "flags") return [flagsOf(self, row).map((flag) => self.notes[flag]).join(" ")];
  if (column.words) return [column.words[cell]];
  return INTERVALS.includes(column.kind) ? (cell || [null, null, null]).map(value) : [value(cell)];
}

function records(self, rows) {
  const columns = self.table.columns.map((column, i) => [column, i]);
  const lines = rows.map((row) => columns.flatMap(([column, i]) => values(self, row, column, row.cells[i])));
  return [columns.flatMap(([column]) => names(column)), lines];
}

function field(cell) {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell).replace("Infinity", "inf");
  const text = FORMULA.test(cell) && !NUMERAL.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/* Infinity, for which JSON has no word, is a number beyond every double. */
function json(cell) {
  if (cell === Infinity) return "1e999";
  return cell === -Infinity ? "-1e999" : JSON.stringify(cell);
}

const WRITERS = {
  csv: ([head, lines]) => [head, ...lines].map((line) => `${line.map(field).join(",")}\r\n`).join(""),
  json: ([head, lines]) => `[${lines.map((line) => (
    `{${line.map((cell, i) => `${JSON.stringify(head[i])}:${json(cell)}`).join(",")}}`)).join(",\n")}]\n`,
};

function wireFiles(self) {
  self.place.querySelector(".files").hidden = false;
  self.place.querySelectorAll("[data-file]").forEach((button) => button.addEventListener("click", () => {
    const whole = "all" in button.dataset;
    const rows = whole ? self.rows : ordered(self, selected(self));
    const name = `${data.file}-${self.id}${whole ? "" : "-chosen"}.${button.dataset.file}`;
    const type = { csv: "text/csv;charset=utf-8", json: "application/json" }[button.dataset.file];
    const url = URL.createObjectURL(new Blob([WRITERS[button.dataset.file](records(self, rows))], { type }));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    self.place.querySelector(".status").textContent = `${rows.length.toLocaleString("en-US")} rows in ${name}`;
  }));
}

/* --- choosing and ordering rows --- */

function selected(self) {
  const { columns } = self.table;
  const wanted = (self.state.q || "").toLowerCase().split(/\s+/).filter(Boolean);
  const picks = columns.map((column, i) => [column, i, self.state[column.key]])
    .filter(([column, , pick]) => column.filtered && pick);
  const texts = columns.map((column, i) => [column, i])
    .filter(([column]) => isText(column) && isShown(column) && column.kind !== "flags");
  return self.rows.filter((row) => {
    if (!flagged(self, row)) return false;
    if (!picks.every(([column, i, pick]) => words(column, row.cells[i]) === pick)) return false;
    const line = texts.map(([column, i]) => words(column, row.cells[i])).join(" ").toLowerCase();
    return wanted.every((word) => line.includes(word));
  });
}

function ordered(self, rows) {
  const key = (self.state.sort || "").replace(/^-/, "");
  const index = self.table.columns.findIndex((column) => column.key === key);
  if (index < 0) return rows;
  const sign = self.state.sort.startsWith("-") ? -1 : 1;
  const rank = (row) => value(row.cells[index]);
  return [...rows].sort((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    return x === y ? 0 : x < y ? -sign : sign;
  });
}

function draw(self) {
  const rows = ordered(self, selected(self));
  const shown = rows.slice(0, self.shown);
  self.place.querySelector("tbody").replaceChildren(...shown.map((row) => drawRow(self, row)));
  self.place.querySelector(".count").textContent =
    `${shown.length.toLocaleString("en-US")} of ${rows.length.toLocaleString("en-US")} chosen rows shown, ` +
    `${self.rows.length.toLocaleString("en-US")} in all`;
  self.place.querySelector(".printed").textContent = rows.length > STEP
    ? `Only the first ${STEP} of ${rows.length.toLocaleString("en-US")} chosen rows are printed; the page has all.` : "";
  self.place.querySelector(".more").hidden = shown.length === rows.length;
  self.place.querySelectorAll("th[data-key]").forEach((head) => {
    const sorted = (self.state.sort || "").replace(/^-/, "") === head.dataset.key;
    if (!sorted) head.removeAttribute("aria-sort");
    else head.ariaSort = self.state.sort.startsWith("-") ? "descending" : "ascending";
  });
}

function change(self, key, text) {
  if (text) self.state[key] = text;
  else delete self.state[key];
  self.shown = STEP;
  draw(self);
  remember(self.id);
}

function apply(self) {
  Object.entries(self.controls).forEach(([key, control]) => {
    control.value = self.state[key] || "";
  });
  self.shown = STEP;
  draw(self);
}
