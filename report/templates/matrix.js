/* The matrix: its switches, its filter, its grid, and the drawer of a cell. */

let matrix = null;

function buildMatrix() {
  const place = document.getElementById("matrix");
  if (!place) return null;
  const self = {
    id: "matrix", place, state: {}, ...data.matrix, view: null,
    form: place.querySelector(".switches"), sheet: place.querySelector(".sheet"),
    status: place.querySelector(".status"), dialog: place.querySelector("dialog"),
  };
  self.radios = [...self.form.querySelectorAll("input[type=radio]")];
  self.settings = [...self.form.elements.setting.options];
  self.apply = () => showMatrix(self);
  self.form.hidden = false;
  self.radios.forEach((radio) => radio.addEventListener("change", () => choose(self, radio)));
  self.form.addEventListener("submit", (event) => event.preventDefault());
  self.form.elements.q.addEventListener("input", () => find(self));
  self.form.elements.setting.addEventListener("change", (event) => settle(self, { setting: event.target.value }));
  wireGrid(self);
  wireDrawer(self);
  return self;
}

/* --- switches: the view nearest to what is chosen, and the choice itself above all --- */

const wanted = (self) => self.switches.map((name, i) => self.state[name] ?? self.views[0][0][i]);

function nearest(self, values, weight) {
  const fits = (value, i) => !value || value === values[i];
  const score = ([known]) => known.reduce((sum, value, i) => sum + fits(value, i) * weight(i), 0);
  return self.views.reduce((best, view) => (score(view) > score(best) ? view : best));
}

function choose(self, radio) {
  const at = self.switches.indexOf(radio.name);
  const values = (self.view || self.views[0])[0].map((value, i) => (i === at ? radio.value : value));
  const [found] = nearest(self, values, (i) => (i === at ? 9 : 1));
  const moved = found.filter((value, i) => value && values[i] && value !== values[i]);
  settle(self, Object.fromEntries(self.switches.map((name, i) => (
    [name, found[i] === self.views[0][0][i] ? "" : found[i]]))));
  if (moved.length) self.status.textContent = `Shown with ${moved.join(", ")}: the rest was not measured.`;
}

function settle(self, changes) {
  Object.entries(changes).forEach(([key, text]) => {
    if (text) self.state[key] = text;
    else delete self.state[key];
  });
  remember("matrix", {});
  self.apply();
}

function showMatrix(self) {
  const view = nearest(self, wanted(self), (i) => (self.switches[i] in self.state ? 9 : 1));
  if (view !== self.view) {
    const first = self.view === null && view === self.views[0];
    self.view = view;
    if (!first) [, self.sheet.innerHTML] = view;
    dressGrid(self);
  }
  self.status.textContent = "";
  self.radios.forEach((radio) => {
    const at = self.switches.indexOf(radio.name);
    radio.checked = view[0][at] === radio.value;
    const beside = view[0].map((value, i) => (i === at ? radio.value : value));
    const fits = ([known]) => known.every((value, i) => value === beside[i] || !value || !beside[i]);
    radio.parentElement.classList.toggle("away", !self.views.some(fits));
  });
  self.form.querySelectorAll("fieldset").forEach((set) => {
    const options = set.querySelectorAll("input");
    set.hidden = options.length < 2 || !view[0][self.switches.indexOf(options[0].name)];
  });
  filter(self);
  showDrawer(self);
}

/* --- the filter: words for settings, for switches, and for activations --- */

function find(self) {
  const field = self.form.elements.q;
  const words = field.value.toLowerCase().split(/\s+/);
  self.state.q = field.value;
  if (!field.value) delete self.state.q;
  const meant = self.radios.find((radio) => words.includes(radio.value) && !radio.checked);
  if (meant) choose(self, meant);
  else {
    remember("matrix");
    self.apply();
  }
}

const named = (option) => option.dataset.names.toLowerCase().split(/\s+/);

function filter(self) {
  const field = self.form.elements.q;
  if (field.value !== (self.state.q || "")) field.value = self.state.q || "";
  const words = field.value.toLowerCase().split(/\s+/).filter((word) => word && !self.radios.some((radio) => radio.value === word));
  const settings = self.settings.map(named);
  const means = (word) => word.length > 2 && settings.some((names) => names.some((name) => name.startsWith(word)));
  const [columns, rows] = [words.filter(means), words.filter((word) => !means(word))];
  const has = (names) => (word) => names.some((name) => name.startsWith(word));
  const all = settings.some((names) => columns.every(has(names)));
  const shown = settings.map((names) => !columns.length || (all ? columns.every(has(names)) : columns.some(has(names))));
  const alone = narrowed(self, shown);
  self.sheet.querySelectorAll("[class^=c]:not(table)").forEach((cell) => {
    const at = Number(cell.classList[0].slice(1));
    cell.classList.toggle("off", !shown[at]);
    cell.classList.toggle("aside", !alone[at]);
  });
  self.sheet.querySelectorAll("tbody").forEach((group) => {
    const lines = [...group.rows].slice(1);
    lines.forEach((line) => {
      const name = line.querySelector("b").textContent.toLowerCase();
      line.hidden = rows.length > 0 && !rows.some((word) => name.includes(word));
    });
    group.hidden = lines.every((line) => line.hidden);
  });
  const cells = visible(self);
  if (!cells.length) self.status.textContent = `No activation or setting is called ${rows.join(" or ")}.`;
  if (!cells.includes(self.sheet.querySelector("[tabindex='0'][data-at]"))) rove(self, cells[0]);
}

/* On a narrow screen one setting is shown at a time, with each run and device of it. */
function narrowed(self, shown) {
  const select = self.form.elements.setting;
  const at = shown[self.state.setting] ? Number(self.state.setting) : shown.indexOf(true);
  select.value = String(at);
  const setting = (i) => self.settings[i].dataset.setting;
  return shown.map((isShown, i) => isShown && setting(i) === setting(at));
}

/* --- the grid: one cell is in the order of tabs, arrows lead to the others --- */

function dressGrid(self) {
  const table = self.sheet.querySelector("table");
  table.setAttribute("role", "grid");
  self.sheet.querySelectorAll("[data-at]").forEach((cell) => { cell.tabIndex = -1; });
}

const visible = (self) => [...self.sheet.querySelectorAll("[data-at]")].filter((cell) => cell.offsetParent);

function rove(self, cell) {
  self.sheet.querySelectorAll("[tabindex='0'][data-at]").forEach((other) => { other.tabIndex = -1; });
  if (cell) cell.tabIndex = 0;
}

function wireGrid(self) {
  const within = (event) => event.target.closest("[data-at]");
  self.sheet.addEventListener("click", (event) => {
    const cell = within(event);
    if (cell) open(self, cell);
  });
  self.sheet.addEventListener("focusin", (event) => {
    const cell = within(event);
    if (!cell) return;
    rove(self, cell);
    self.status.textContent = cell.title ? `${cell.dataset.at}: ${cell.title}` : "";
  });
  self.sheet.addEventListener("keydown", (event) => {
    const cell = within(event);
    if (!cell) return;
    if (event.key === "Enter" || event.key === " ") open(self, cell);
    else if (!move(self, cell, event.key)) return;
    event.preventDefault();
  });
}

function move(self, cell, key) {
  const lines = Map.groupBy(visible(self), (other) => other.parentElement);
  const grid = [...lines.values()];
  const line = grid.findIndex((cells) => cells.includes(cell));
  const at = grid[line].indexOf(cell);
  const steps = {
    ArrowLeft: [line, at - 1], ArrowRight: [line, at + 1], ArrowUp: [line - 1, at], ArrowDown: [line + 1, at],
    Home: [line, 0], End: [line, grid[line].length - 1],
  };
  if (!steps[key]) return false;
  grid[steps[key][0]]?.[steps[key][1]]?.focus();
  return true;
}
