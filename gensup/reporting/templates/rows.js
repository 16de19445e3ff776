(() => {
  "use strict";
  // Without this script the tables are whole, in the order in which they were written.
  const said = (cell) => (cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v);
  const compared = (a, b, sign) => {
    // What has no value stands last, whichever way.
    if (a === "" || b === "") return (a === "") - (b === "");
    const x = Number(a), y = Number(b);
    return sign * (Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", { numeric: true }) : x - y);
  };
  for (const table of document.querySelectorAll("table.sorts")) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        // Numbers begin with the largest, words with the first.
        const was = head.getAttribute("aria-sort");
        const first = head.classList.contains("n") ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const way = was === first ? other : first;
        for (const every of heads) every.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", way);
        const sign = way === "ascending" ? 1 : -1;
        const sorted = rows.map((row, place) => ({ row, place, value: said(row.cells[column]) }));
        sorted.sort((a, b) => compared(a.value, b.value, sign) || a.place - b.place);
        body.append(...sorted.map((each) => each.row));
      });
    });
    const box = document.createElement("p");
    const label = document.createElement("label");
    const field = document.createElement("input");
    const count = document.createElement("span");
    box.className = "filter";
    field.type = "search";
    field.autocomplete = "off";
    count.setAttribute("role", "status");
    label.append("Rows with ", field);
    box.append(label, " ", count);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(" ").filter((word) => word);
      let left = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        left += row.hidden ? 0 : 1;
      }
      count.textContent = words.length ? `${left} of ${rows.length}` : "";
    });
    table.parentElement.before(box);
  }
})();
