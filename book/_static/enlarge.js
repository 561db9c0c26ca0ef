/* A figure opens in full size: by a tap on it, or by the button below it; Escape or a tap closes it. */
document.addEventListener("DOMContentLoaded", () => {
  for (const image of document.querySelectorAll("article figure img")) {
    const figure = image.closest("figure");
    const open = () => {
      const dialog = document.createElement("dialog");
      dialog.className = "enlarged";
      dialog.setAttribute("aria-label", "Figure in full size");
      const close = document.createElement("button");
      close.textContent = "Close";
      const large = document.createElement("img");
      large.src = image.src;
      large.alt = image.alt;
      const area = document.createElement("div");
      area.tabIndex = 0; /* scrolls by keyboard */
      area.append(large);
      dialog.append(close, area);
      close.onclick = large.onclick = () => dialog.close();
      dialog.onclose = () => dialog.remove();
      document.body.append(dialog);
      dialog.showModal();
    };
    const button = document.createElement("button");
    button.className = "enlarge";
    button.textContent = "Enlarge";
    const number = figure.querySelector(".caption-number");
    button.setAttribute("aria-label", `Enlarge ${number ? number.textContent.trim() : "figure"}`);
    button.onclick = image.onclick = open;
    image.style.cursor = "zoom-in";
    image.after(button);
  }
});
