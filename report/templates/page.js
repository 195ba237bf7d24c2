/* State, kept in the address: #timings&timings.sort=-cost&matrix.place=memory. */

const parts = () => [matrix, claims, ...tables].filter(Boolean);

/* A choice that one goes back from is an entry of the history; of an anchor the state is kept. */
function remember(anchor, entry = null) {
  const state = new URLSearchParams();
  parts().forEach((part) => Object.entries(part.state).forEach(([key, text]) => {
    state.set(`${part.id}.${key}`, text);
  }));
  const hash = [anchor, state.toString()].filter(Boolean).join("&");
  const address = hash ? `#${hash}` : location.pathname + location.search;
  if (entry) history.pushState(entry, "", address);
  else history.replaceState(history.state || {}, "", address);
}

function restore() {
  const [anchor, ...rest] = location.hash.slice(1).split("&");
  const wanted = [...new URLSearchParams(rest.join("&"))];
  parts().forEach((part) => {
    const own = wanted.filter(([key]) => key.startsWith(`${part.id}.`));
    const state = Object.fromEntries(own.map(([key, text]) => [key.slice(part.id.length + 1), text]));
    if (JSON.stringify(state) === JSON.stringify(part.state)) return;
    part.state = state;
    part.apply();
  });
  reveal(anchor);
}

/* What an address leads to is opened. */
function reveal(anchor) {
  const target = document.getElementById(anchor) || document.querySelector(`[data-table="${CSS.escape(anchor)}"]`);
  if (!target || target.id === "matrix") return;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  target.scrollIntoView();
}

async function start() {
  data = await unpack(document.getElementById("data").textContent);
  tables = Object.entries(data.tables).map(([id, table]) => build(id, table)).filter(Boolean);
  matrix = buildMatrix();
  claims = buildClaims();
  parts().forEach((part) => part.apply());
  restore();
  history.replaceState(history.state || {}, "", location.href);
  addEventListener("hashchange", () => {
    if (history.state || location.hash.includes("&")) return restore();
    const anchor = location.hash.slice(1);  // a link inside the page: the choice stays
    reveal(anchor);
    return remember(anchor);
  });
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
  const words = `The data could not be unpacked (${error}): a newer browser reads them.`;
  document.querySelectorAll("[data-table] .count, #matrix .status").forEach((place) => { place.textContent = words; });
});
