// The page of claims: choose a data set and a verdict; a link to a claim opens it.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector(".claims-filter");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const show = () => {
    const { dataset, outcome } = Object.fromEntries(new FormData(form));
    const hit = (cell) =>
      (!dataset || cell.dataset.dataset === dataset) && (!outcome || cell.dataset.outcome === outcome);
    const kept = new Set();
    for (const row of all("tr[data-claim]")) {
      row.hidden = !all("td[data-outcome]", row).some(hit);
      if (!row.hidden) kept.add(row.dataset.claim);
    }
    for (const table of all(".claims-matrix")) {
      let above; // a claim's words stand in the first of its rows that is shown
      for (const row of all("tr[data-claim]:not([hidden])", table)) {
        row.classList.toggle("again", row.dataset.claim === above);
        above = row.dataset.claim;
      }
    }
    for (const cell of all(".claims-matrix [data-dataset]"))
      cell.hidden = Boolean(dataset) && cell.dataset.dataset !== dataset;
    const blocks = all("details[data-claim]");
    for (const block of blocks) block.hidden = Boolean(dataset || outcome) && !kept.has(block.dataset.claim);
    const shown = blocks.filter((block) => !block.hidden).length;
    form.querySelector("output").textContent = `${shown} of ${blocks.length} claims`;
  };
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const block = target && target.closest("details.claim");
    if (block) {
      block.hidden = false;
      block.open = true;
      block.scrollIntoView();
    }
  };
  if (form) {
    form.hidden = false;
    form.addEventListener("change", show);
    show();
  }
  window.addEventListener("hashchange", open);
  open();
});
