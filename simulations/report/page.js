"use strict";
(() => {
  const pictures = JSON.parse(document.getElementById("pictures").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const config = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

  function themed(layout) {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink"), grid = style.getPropertyValue("--grid"), raised = style.getPropertyValue("--raised");
    const shown = {
      margin: { l: 60, r: 24, t: 40, b: 48 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink },
      hoverlabel: { bgcolor: raised, bordercolor: grid, font: { color: ink }, align: "left", namelength: -1 },
      modebar: { bgcolor: "rgba(0,0,0,0)" }, ...structuredClone(layout),
    };
    for (const [name, value] of Object.entries(shown)) {
      if (/^[xy]axis/.test(name)) Object.assign(value, { gridcolor: grid, linecolor: grid, zerolinecolor: grid });
    }
    return shown;
  }

  function draw(box) {
    const chooser = box.closest("section").querySelector("select");
    const views = pictures[box.id];
    const { data, layout } = views[chooser ? chooser.selectedIndex : 0];
    box.style.minHeight = layout.height + "px";
    return Plotly.react(box, structuredClone(data), themed(layout), config);
  }

  function sorts(table) {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    const key = (row, place) => row.cells[place].dataset.v;
    heads.forEach((head, place) => head.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const compare = (a, b) => place ? key(a, place) - key(b, place) : key(a, 0).localeCompare(key(b, 0));
      body.append(...[...body.rows].sort((a, b) => up ? compare(a, b) : compare(b, a)));
    }));
  }

  function filters(input) {
    const rows = [...input.closest("section").querySelectorAll("tbody tr")];
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      rows.forEach(row => { row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted); });
    });
  }

  const boxes = [...document.querySelectorAll(".picture")];
  boxes.forEach(box => box.closest("section").querySelector("select")?.addEventListener("change", () => draw(box)));
  dark.addEventListener("change", () => boxes.forEach(draw));
  document.querySelectorAll("table.sortable").forEach(sorts);
  document.querySelectorAll("input[type=search]").forEach(filters);
  Promise.all(boxes.map(draw)).then(() => { document.body.dataset.drawn = boxes.length; });
})();
