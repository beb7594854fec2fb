"use strict";
(() => {
  const collator = new Intl.Collator("en", { numeric: true });
  const value = (row, column) => row.cells[column].dataset.value;
  const compare = (column) => (one, other) => {
    const [first, second] = [value(one, column), value(other, column)];
    const difference = Number(first) - Number(second);
    return Number.isNaN(difference) ? collator.compare(first, second) : difference;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      heading.querySelector("button").addEventListener("click", () => {
        const text = Number.isNaN(Number(value(table.tBodies[0].rows[0], column)));
        const before = heading.getAttribute("aria-sort");
        // Figures are wanted from the highest, names from the first.
        const ascending = before ? before === "descending" : text;
        headings.forEach((each) => each.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows].sort(compare(column));
        table.tBodies[0].append(...(ascending ? rows : rows.reverse()));
      });
    });
  }

  const themes = { "": "system", light: "light", dark: "dark" };
  const button = document.getElementById("theme");
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${themes[theme]}`;
  };
  const stored = () => {
    try {
      return localStorage.getItem("theme") ?? "";
    } catch {
      return ""; // a page that may store nothing follows the system
    }
  };
  let theme = stored() in themes ? stored() : "";
  show(theme);
  button.addEventListener("click", () => {
    const names = Object.keys(themes);
    theme = names[(names.indexOf(theme) + 1) % names.length];
    show(theme);
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // it holds until the page is left
    }
  });

  // What is folded away would not be printed.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((each) => { each.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((each) => { each.open = false; }));
})();
