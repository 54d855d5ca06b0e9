// The reel along its length: damage found and picture changed, frame by frame, drawn by Plotly.
"use strict";
(async () => {
  const place = document.getElementById("timeline");
  if (!place) return;
  const said = document.getElementById("timeline-said");
  const answer = await fetch(place.dataset.source);
  if (!answer.ok) {
    said.textContent = `The timeline cannot be drawn. ${await reason(answer)}`;
    place.hidden = true;
    return;
  }
  const told = await answer.json();
  if (!told.frame.length) {
    said.textContent = "Nothing is measured yet.";
    place.hidden = true;
    return;
  }
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const line = (name, values, shade, fill) => ({
    x: told.frame, y: values, name, mode: "lines", line: { color: shade, width: 1.5, shape: "hv" },
    fill: fill ? "tozeroy" : "none", fillcolor: `${shade}55`, hovertemplate: `%{y:.2f} %<extra>${name}</extra>`,
  });
  function draw() {
    const traces = [line("dirt and hairs found", told.dirt, colour("--damage"), true)];
    if (told.scratches.some((value) => value > 0)) traces.push(line("evidence of scratches", told.scratches, colour("--caution"), false));
    if (told.changed.length) traces.push(line("picture changed", told.changed, colour("--accent"), false));
    const cuts = JSON.parse(place.dataset.cuts).slice(1);
    window.Plotly.react(
      place,
      traces,
      {
        height: 280, margin: { l: 56, r: 16, t: 8, b: 44 }, hovermode: "x unified",
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        font: { color: colour("--ink"), size: 13 }, legend: { orientation: "h", y: 1.14 },
        hoverlabel: { bgcolor: colour("--card"), font: { color: colour("--ink") } },
        xaxis: { title: { text: "frame" }, gridcolor: colour("--rule"), zeroline: false },
        yaxis: { title: { text: "% of the picture" }, gridcolor: colour("--rule"), zeroline: false, rangemode: "tozero" },
        shapes: cuts.map((x) => ({ type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", line: { color: colour("--quiet"), width: 1, dash: "dot" } })),
      },
      // No bar of tools: it lies over the legend, and one of its tools would send the figures to Plotly's own servers.
      { responsive: true, displayModeBar: false },
    );
  }
  draw();
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  if (place.dataset.compare) {
    place.on("plotly_click", ({ points }) => window.location.assign(`${place.dataset.compare}#${points[0].x}`));
  }
})();
