// Slide to compare, and read single frames off the timelines. The page is whole without it.
"use strict";
for (const figure of document.querySelectorAll("[data-compare]")) {
  const stage = figure.querySelector(".stage");
  const slider = figure.querySelector("input");
  const move = () => stage.style.setProperty("--at", slider.value + "%");
  slider.addEventListener("input", move);
  stage.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || event.buttons) return;
    const box = stage.getBoundingClientRect();
    slider.value = (100 * (event.clientX - box.left)) / box.width;
    move();
  });
}
const measured = JSON.parse(document.getElementById("measured").textContent);
const readout = document.getElementById("readout");
const plots = [...document.querySelectorAll(".plot")];
const count = measured.frame.length;
let present = 0;
function show(place) {
  if (!count) return;
  present = Math.max(0, Math.min(count - 1, place));
  const left = (100 * present) / Math.max(1, count - 1) + "%";
  for (const plot of plots) {
    const cursor = plot.querySelector(".cursor");
    cursor.hidden = false;
    cursor.style.left = left;
  }
  const at = (name) => measured[name][present];
  readout.textContent =
    `Frame ${at("frame")} (scan ${at("scan")}), shot ${at("shot")}: damage ${at("damage").toFixed(2)} %, ` +
    `brightness ${at("before").toFixed(1)} % in the scan, ${at("after").toFixed(1)} % restored`;
}
for (const plot of plots) {
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    show(Math.round(((count - 1) * (event.clientX - box.left)) / box.width));
  });
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -24, PageDown: 24 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(present + step);
  });
}
