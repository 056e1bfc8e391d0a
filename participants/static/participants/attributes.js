// Adds buttons that add and remove rows, and a choice where a value is true or false. Without it, blank rows serve.
"use strict";

for (const editor of document.querySelectorAll(".attributes-editor")) {
    const body = editor.querySelector("tbody");
    const part = (row, name) => row.querySelector(`[name$="-${name}"]`);

    const offerTruth = (row) => {
        const value = part(row, "value");
        const isTruth = part(row, "kind").value === "boolean";
        let choice = row.querySelector(".truth");
        if (isTruth && !choice) {
            choice = document.createElement("select");
            choice.className = "truth";
            choice.setAttribute("aria-label", value.getAttribute("aria-label"));
            choice.append(new Option("true"), new Option("false"));
            choice.addEventListener("change", () => { value.value = choice.value; });
            value.after(choice);
        }
        if (choice) {
            choice.hidden = !isTruth;
            value.hidden = isTruth;
        }
        if (isTruth) {
            choice.value = value.value.trim().toLowerCase() === "false" ? "false" : "true";
            value.value = choice.value;
        }
    };

    const equip = (row) => {
        const cell = document.createElement("td");
        const remove = document.createElement("button");
        remove.type = "button";
        remove.className = "remove-row";
        remove.textContent = "×";
        remove.setAttribute("aria-label", `Remove ${part(row, "key").value || "this attribute"}`);
        remove.addEventListener("click", () => row.remove());
        cell.append(remove);
        row.append(cell);
        part(row, "kind").addEventListener("change", () => offerTruth(row));
        offerTruth(row);
    };

    const blank = body.rows[body.rows.length - 1].cloneNode(true);
    const isEmpty = (row) => !part(row, "key").value && !part(row, "value").value;
    [...body.rows].forEach((row) => isEmpty(row) ? row.remove() : equip(row));
    editor.querySelector("thead tr").append(document.createElement("th"));

    const add = document.createElement("button");
    add.type = "button";
    add.className = "button add-row-button";
    add.textContent = "Add an attribute";
    add.addEventListener("click", () => {
        const row = blank.cloneNode(true);
        body.append(row);
        equip(row);
        part(row, "key").focus();
    });
    editor.append(add);
}
