// What a program can tell of a page that keeps people out; gives a line for each fault. LEAST is put in from outside.
(() => {
  const faults = [];
  const shown = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const words = (one) => `${one.tagName.toLowerCase()} ${one.id || one.className || ""} ${(one.innerText || "").slice(0, 30)}`;
  for (const one of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!one.labels.length && !one.getAttribute("aria-label")) faults.push(`no label: ${words(one)}`);
  }
  for (const one of document.querySelectorAll("img")) if (!one.hasAttribute("alt")) faults.push(`no alt: ${one.src}`);
  for (const one of document.querySelectorAll("a, button")) {
    if (!one.innerText.trim() && !one.textContent.trim() && !one.getAttribute("aria-label")) faults.push(`no name: ${words(one)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids)) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`id twice: ${id}`);
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter(shown).map((one) => Number(one.tagName[1]));
  if (levels.filter((one) => one === 1).length !== 1) faults.push("not one h1");
  levels.forEach((level, place) => {
    if (place && level > levels[place - 1] + 1) faults.push(`h${level} after h${levels[place - 1]}`);
  });
  const parts = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    const [r, g, b] = colour.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    const layers = [];
    for (let at = one; at; at = at.parentElement) {
      const [r, g, b, a] = parts(getComputedStyle(at).backgroundColor);
      if (a) layers.push([r, g, b, a / 255]);
      if (a === 255) break;
    }
    return layers.reverse().reduce((under, [r, g, b, a]) => [r, g, b].map((top, place) => top * a + under[place] * (1 - a)), [255, 255, 255]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || one.closest("script, style, template, noscript, svg, option, .hidden, .said, :disabled, .skip") || !shown(one)) continue;
    const [front, back] = [light(parts(getComputedStyle(one).color).slice(0, 3)), light(behind(one))];
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (contrast < LEAST) faults.push(`contrast ${contrast.toFixed(2)}: ${words(one)}`);
  }
  return [...new Set(faults)];
})()
