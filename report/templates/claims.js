/* Claims of the literature: those of one verdict, or all of them. */

let claims = null;

function buildClaims() {
  const place = document.getElementById("claims");
  if (!place) return null;
  const self = { id: "claims", place, state: {}, buttons: [...place.querySelectorAll("[data-choose]")] };
  self.apply = () => showClaims(self);
  place.querySelector(".verdicts").hidden = false;
  self.buttons.forEach((button) => button.addEventListener("click", () => {
    const { choose: verdict } = button.dataset;
    if (verdict) self.state.verdict = verdict;
    else delete self.state.verdict;
    self.apply();
    remember("claims", {});
  }));
  place.querySelectorAll("[data-claim]").forEach((fold) => fold.addEventListener("toggle", () => fill(fold)));
  return self;
}

/* All figures of a claim, once they are asked for. */
function fill(fold) {
  const { claim } = fold.dataset;
  if (!data.claims[claim] || fold.querySelector("table")) return;
  const [heads, ...rows] = data.claims[claim];
  const place = table(heads, rows.map(([name, setting, ...cells]) => (
    [[name, make("br"), make("small", { textContent: setting })], ...cells])));
  place.ariaLabel = `Figures of ${claim}`;
  fold.append(place);
}

/* What is chosen is opened, so that it is seen. */
function showClaims(self) {
  const known = self.buttons.some((button) => button.dataset.choose === self.state.verdict);
  const verdict = known ? self.state.verdict : "";
  self.buttons.forEach((button) => { button.ariaPressed = String(button.dataset.choose === verdict); });
  self.place.querySelectorAll(".topic").forEach((topic) => {
    const cards = [...topic.querySelectorAll(".claim")];
    cards.forEach((card) => { card.hidden = Boolean(verdict) && card.dataset.verdict !== verdict; });
    topic.hidden = cards.every((card) => card.hidden);
    if (verdict && !topic.hidden) topic.open = true;
  });
}
