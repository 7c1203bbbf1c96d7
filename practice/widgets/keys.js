// Comes before each widget's own script; see script() in practice/widgets/widget.py.

/**
 * JupyterLab hears every key first and goes from cell to cell with the arrow keys. An element with
 * this attribute keeps its keys; those with Ctrl and the like, and Shift+Enter, stay JupyterLab's.
 */
function keepPlainKeys(element) {
  function decide(event) {
    const theirs = event.ctrlKey || event.metaKey || event.altKey;
    const runs = event.shiftKey && event.key === "Enter";
    element.toggleAttribute("data-lm-suppress-shortcuts", !theirs && !runs);
  }
  // At the window, as JupyterLab listens at the document.
  element.addEventListener("focus", () => window.addEventListener("keydown", decide, true));
  element.addEventListener("blur", () => window.removeEventListener("keydown", decide, true));
}

