/* Buttons in the heads of tables that sort their rows: numbers by value, all else as text; a third press gives the
   order back that the table came with. Groups of rows (tbody) stay together, and what has no value goes last. */
(() => {
  "use strict";

  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  // What a cell begins with: 1,280 B; 55.5 (54.0 to 57.0); less than 0.1 %; 9/12. A version or a date is no number.
  const NUMBER = /^(?:less than |more than )?([+-]?\d[\d,]*(?:\.\d+)?)(?=$|[\s%/(])/;
  const collator = new Intl.Collator("en", { numeric: true });

  /* The text of a cell with a blank for every new line. */
  function words(cell) {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    let text = "";
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.nodeType === Node.TEXT_NODE) text += node.data;
      else if (node.nodeName === "BR") text += " ";
    }
    return text.replace(/\s+/g, " ").trim();
  }

  /* What a row is sorted by: its text in a column, and the number that it begins with, or NaN. */
  function keyOf(row, column) {
    const cells = [...row.cells].slice(0, column + 1);
    // Where a cell spans several columns, it says why they are empty.
    const there = cells.length > column && cells.every((cell) => cell.colSpan === 1);
    const text = there ? words(cells[column]) : "";
    const found = NUMBER.exec(text);
    return { row, text, number: found ? Number(found[1].replaceAll(",", "")) : NaN };
  }

  function inOrder(keys, numeric, direction) {
    const sign = direction === "descending" ? -1 : 1;
    const lacks = (key) => (numeric ? Number.isNaN(key.number) : key.text === "");
    return [...keys].sort((one, other) => {
      if (lacks(one) || lacks(other)) return Number(lacks(one)) - Number(lacks(other));
      return sign * (numeric ? one.number - other.number : collator.compare(one.text, other.text));
    });
  }

  function sortable(table) {
    const rows = table.tHead ? [...table.tHead.rows] : [];
    if (rows.length !== 1 || table.tBodies.length === 0) return false;
    const bodies = [...table.tBodies];
    const cells = bodies.flatMap((body) => [...body.rows].flatMap((row) => [...row.cells]));
    const plain = [...rows[0].cells].every((cell) => cell.colSpan === 1) && cells.every((cell) => cell.rowSpan === 1);
    return plain && !bodies.every((body) => body.rows.length === 1);
  }

  function prepare(table) {
    const heads = [...table.tHead.rows[0].cells];
    const places = new WeakMap(); // of rows, as the table came
    let sorted = -1, direction = "none";

    function apply() {
      const groups = [...table.tBodies].map((body) => {
        const rows = [...body.rows];
        rows.forEach((row, place) => {
          if (!places.has(row)) places.set(row, place);
        });
        rows.sort((one, other) => places.get(one) - places.get(other));
        // A row of one cell is the title of its group.
        const titles = rows.filter((row) => row.cells.length === 1 && heads.length > 1);
        return { body, titles, rows: rows.filter((row) => !titles.includes(row)) };
      });
      const all = groups.flatMap((group) => group.rows.map((row) => keyOf(row, sorted)));
      const filled = all.filter((key) => key.text !== "");
      const numeric = 2 * filled.filter((key) => !Number.isNaN(key.number)).length >= filled.length;
      for (const { body, titles, rows } of groups) {
        const keys = rows.map((row) => keyOf(row, sorted));
        const made = direction === "none" ? rows : inOrder(keys, numeric, direction).map((key) => key.row);
        body.append(...titles, ...made);
      }
      heads.forEach((head, column) => {
        if (column === sorted && direction !== "none") head.setAttribute("aria-sort", direction);
        else head.removeAttribute("aria-sort");
      });
    }

    heads.forEach((head, column) => {
      if (words(head) === "") return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        direction = NEXT[column === sorted ? direction : "none"];
        sorted = column;
        apply();
      });
    });
    // Whoever puts other rows into the table says so.
    table.addEventListener("rows", () => {
      if (direction !== "none") apply();
    });
  }

  for (const table of document.querySelectorAll("table")) {
    if (sortable(table)) prepare(table);
  }
})();
