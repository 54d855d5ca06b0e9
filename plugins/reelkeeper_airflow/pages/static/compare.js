// Before and after, on single frames and as films: wipe, flicker, difference, damage; frames, shots, zoom; marks.
"use strict";
(() => {
  const source = document.getElementById("told");
  if (!source) return;
  const told = JSON.parse(source.textContent);
  const base = `${root}/reels/${encodeURIComponent(told.reel)}`;
  const id = (name) => document.getElementById(name);
  const WIDTHS = [320, 960, 1920];
  const FLICKER_MS = 600; // under two changes a second: far from what may harm anybody
  const SCALES = [0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16];
  const FAR = 24;
  const stage = id("stage");
  const layers = Object.fromEntries(["before", "after", "difference", "found"].map((name) => [name, id(name)]));
  const view = { frame: 0, mode: "wipe", at: 50, scale: null, x: told.width / 2, y: told.height / 2, shown: "after", held: false };
  const edits = new Map();
  let asked = 0;
  let films = null;

  // -- where things are -----------------------------------------------------------------------------------------------

  const shotOf = (frame) => told.shots.find((shot) => frame >= shot.start && frame < shot.stop) ?? told.shots.at(-1);
  const segmentOf = (frame) => told.segments.find((one) => frame >= one.start && frame < one.stop);
  const fit = () => Math.min(stage.clientWidth / told.width, stage.clientHeight / told.height);
  const scale = () => view.scale ?? fit();
  const changedAfter = (frame) => {
    for (const [first, last] of told.changed) if (last > frame) return Math.max(first, frame + 1);
    return null;
  };
  const changedBefore = (frame) => {
    for (const [first, last] of [...told.changed].reverse()) if (first < frame) return Math.min(last, frame - 1);
    return null;
  };

  // -- pictures -------------------------------------------------------------------------------------------------------

  /** The width to ask for: enough for the screen, every pixel of the scan once it is enlarged. */
  function query(more = "") {
    const wanted = told.width * scale() * window.devicePixelRatio;
    const width = WIDTHS.find((one) => one >= wanted && one < told.width);
    const parts = [width ? `w=${width}` : "", more].filter(Boolean).join("&");
    return parts ? `?${parts}` : "";
  }
  function addresses(frame) {
    const segment = segmentOf(frame);
    return {
      before: `${base}/frames/${told.before}/${frame}.png${query()}`,
      after: `${base}/frames/${told.after}/${frame}.png${query()}`,
      difference: view.mode === "difference" ? `${base}/differences/${told.before}/${told.after}/${frame}.png${query(`gain=${id("gain").value}`)}` : null,
      found: id("damage").checked && segment ? `${base}/damage/${segment.map}/${frame - segment.start}.png${query()}` : null,
    };
  }
  async function fetched(address) {
    const picture = new Image();
    picture.src = address;
    try {
      await picture.decode();
    } catch {
      const answer = await fetch(address);
      throw new Error(answer.ok ? "The browser cannot show this picture." : await reason(answer));
    }
    return picture;
  }
  async function load() {
    if (playing()) return;
    const turn = ++asked;
    const frame = view.frame;
    stage.setAttribute("aria-busy", "true");
    const wanted = Object.entries(addresses(frame)).filter(([, address]) => address);
    const needed = view.mode === "difference" ? wanted.filter(([name]) => name === "difference" || name === "found") : wanted;
    try {
      const pictures = await Promise.all(needed.map(([, address]) => fetched(address)));
      if (turn !== asked) return; // somebody has gone on meanwhile
      needed.forEach(([name], place) => show(name, pictures[place], frame));
      id("failed").hidden = true;
      stage.setAttribute("aria-busy", "false");
      stage.dataset.frame = String(frame);
      ahead(turn, frame);
    } catch (error) {
      if (turn !== asked) return;
      id("failed").textContent = error.message;
      id("failed").hidden = false;
      stage.setAttribute("aria-busy", "false");
    }
  }
  const ALT = { before: "as scanned", after: "restored", difference: "what differs", found: "damage found" };
  function show(name, picture, frame) {
    picture.alt = `Frame ${frame}, ${ALT[name]}`;
    picture.draggable = false;
    layers[name].replaceChildren(picture);
    place();
  }
  /** Have the next frame ready while somebody looks at this one. */
  function ahead(turn, frame) {
    setTimeout(() => {
      if (turn !== asked || frame + 1 >= told.frames || view.mode === "difference") return;
      const { before, after } = addresses(frame + 1);
      for (const address of [before, after]) new Image().src = address;
    }, 400);
  }

  // -- how they are laid out ------------------------------------------------------------------------------------------

  function place() {
    const size = scale();
    const [width, height] = [told.width * size, told.height * size];
    const middle = (whole, shown, at) => (whole <= shown ? (shown - whole) / 2 : Math.min(0, Math.max(shown - whole, shown / 2 - at * size)));
    const left = middle(width, stage.clientWidth, view.x);
    const top = middle(height, stage.clientHeight, view.y);
    for (const picture of stage.querySelectorAll(".layer img, .layer canvas")) {
      Object.assign(picture.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
      picture.classList.toggle("pixels", size >= 2);
    }
    stage.style.setProperty("--at", `${view.at}%`);
    id("zoom").textContent = view.scale === null ? "fit" : `${Math.round(size * 100)} %`;
    stage.classList.toggle("zoomed", width > stage.clientWidth + 1 || height > stage.clientHeight + 1);
  }
  function arrange() {
    stage.dataset.mode = view.mode;
    layers.difference.hidden = view.mode !== "difference";
    layers.found.hidden = !id("damage").checked || playing(); // the films have no maps
    id("legend").hidden = !id("damage").checked;
    document.querySelector(".gain").hidden = view.mode !== "difference";
    layers.before.style.visibility = view.mode === "difference" ? "hidden" : "visible"; // it would look out at the edges
    layers.after.style.visibility = view.mode === "wipe" || (view.mode === "flicker" && view.shown === "after") ? "visible" : "hidden";
    id("side-before").hidden = view.mode === "difference" || (view.mode === "flicker" && view.shown === "after");
    id("side-after").hidden = view.mode === "difference" || (view.mode === "flicker" && view.shown !== "after");
    place();
  }
  function setMode(mode) {
    view.mode = mode;
    view.shown = "after";
    view.held = mode === "flicker" && window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.querySelector(`[name=mode][value=${mode}]`).checked = true;
    arrange();
    if (playing()) return mode === "difference" ? pause() : undefined;
    load();
  }
  setInterval(() => {
    if (view.mode !== "flicker" || view.held || document.hidden) return;
    view.shown = view.shown === "after" ? "before" : "after";
    arrange();
  }, FLICKER_MS);
  /** Hold one side; again, the other; in wipe, all of one side, then all of the other. */
  function hold() {
    view.held = true;
    if (view.mode === "wipe") setWipe(view.at > 50 ? 0 : 100);
    if (view.mode === "flicker") {
      view.shown = view.shown === "after" ? "before" : "after";
      arrange();
    }
  }
  function setWipe(at) {
    view.at = Math.max(0, Math.min(100, at));
    id("wipe").value = view.at;
    stage.style.setProperty("--at", `${view.at}%`);
  }
  function zoom(step, at = null) {
    const whole = fit();
    const levels = [whole, ...SCALES.filter((one) => one > whole * 1.05)];
    const now = levels.reduce((best, one, place_) => (Math.abs(one - scale()) < Math.abs(levels[best] - scale()) ? place_ : best), 0);
    const next = Math.max(0, Math.min(levels.length - 1, step === 0 ? 0 : now + step));
    if (at) [view.x, view.y] = at;
    view.scale = next === 0 ? null : levels[next];
    place();
    if (!playing()) load();
  }

  // -- frames and shots -----------------------------------------------------------------------------------------------

  function go(frame) {
    halt();
    const last = told.frames - 1;
    const wanted = Math.max(0, Math.min(last, Number.isFinite(frame) ? Math.round(frame) : 0));
    stand(wanted);
    history.replaceState(null, "", `#${wanted}`);
    load();
  }
  /** Say everywhere but in the picture at which frame we are. */
  function stand(frame) {
    const before = shotOf(view.frame);
    view.frame = frame;
    id("frame").value = frame;
    if (shotOf(frame) !== before || !id("shot-name").textContent) tellShot();
    tellChanged();
    drawMap();
  }
  function shotBy(step) {
    const present = told.shots.indexOf(shotOf(view.frame));
    const atStart = view.frame === told.shots[present].start;
    const next = step < 0 && !atStart ? present : Math.max(0, Math.min(told.shots.length - 1, present + step));
    go(told.shots[next].start);
  }
  function jump(next) {
    if (next === null) say(told.checked ? "No other changed frame on that side." : "Which frames changed is known after the check.");
    else go(next);
  }
  function tellChanged() {
    if (!told.checked) {
      id("changed-said").textContent = "Not checked yet: which frames changed is not known.";
      return;
    }
    const count = told.changed.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    const here = told.changed.some(([first, last]) => view.frame >= first && view.frame <= last);
    id("changed-said").textContent = `${count} of ${told.frames} frames changed; this one ${here ? "is" : "is not"}`;
  }
  function element(name, text, shade = "") {
    const made = document.createElement(name);
    made.textContent = text;
    if (shade) made.className = shade;
    return made;
  }
  function tellShot() {
    const shot = shotOf(view.frame);
    if (!shot) return;
    id("shot-name").textContent = `Shot ${shot.number}`;
    const parts = [element("p", `Frames ${shot.start}–${shot.stop - 1}${shot.changed === null ? "" : `, ${shot.changed} changed`}`, "quiet")];
    for (const words of shot.findings.slice(0, 4)) parts.push(element("p", words));
    for (const { title, why } of shot.treatments) {
      const line = element("p", ` ${why}`);
      line.prepend(element("b", `${title}.`));
      parts.push(line);
    }
    if (!shot.treatments.length) parts.push(element("p", "Left alone.", "quiet"));
    if (shot.generative) parts.push(element("p", "Holds invented detail.", "warn"));
    id("shot-told").replaceChildren(...parts);
    id("shot-plan").hash = `#shot-${shot.number}`;
    fillMark(shot);
  }

  // -- films ----------------------------------------------------------------------------------------------------------

  const playing = () => films?.playing ?? false;
  function play() {
    if (!told.films || !Films.able()) return;
    if (view.mode === "difference") setMode("wipe");
    films ??= new Films.Pair({
      films: { ...told.films, before: `${base}/files/${told.films.before}`, after: `${base}/files/${told.films.after}` },
      size: [told.width, told.height],
      frames: told.frames,
      on: { frame: showFilm, end: pause, failure: (words) => { pause(); say(words, true); } },
    });
    asked++; // a still that is on its way comes too late
    films.play(view.frame);
    tellPlaying();
  }
  function showFilm(frame, canvases) {
    if (!layers.before.contains(canvases.before)) {
      for (const [name, canvas] of Object.entries(canvases)) layers[name].replaceChildren(canvas);
      place();
    }
    stage.dataset.frame = String(frame);
    stage.setAttribute("aria-busy", "false");
    id("failed").hidden = true;
    stand(frame);
  }
  /** Stop the films, and leave what they show. */
  function halt() {
    if (!playing()) return;
    films.stop();
    tellPlaying();
  }
  /** Stop, and show the frame as it is in the masters. */
  function pause() {
    halt();
    tellPlaying();
    go(view.frame);
  }
  function tellPlaying() {
    id("play").textContent = playing() ? "❚❚ Pause" : "▶ Play";
    stage.dataset.playing = String(playing());
    arrange();
  }

  // -- marks ----------------------------------------------------------------------------------------------------------

  const form = id("mark");
  const CHOICES = { accept: "good", redo: "another pass", none: "note" };
  const mine = (shot) => told.drafts.find((draft) => draft.mine && draft.shot === shot.number) ?? { choice: "none", note: "" };
  function fillMark(shot) {
    const { choice, note } = edits.get(shot.number) ?? mine(shot);
    form.elements.choice.value = choice;
    id("note").value = note;
  }
  function edited() {
    edits.set(shotOf(view.frame).number, { choice: form.elements.choice.value, note: id("note").value });
    listMarks();
  }
  async function keep(event) {
    event?.preventDefault();
    if (!told.mayDraft || !told.planVersion) return;
    const { number } = shotOf(view.frame);
    const mark = { plan_version: told.planVersion, shot: number, choice: form.elements.choice.value, note: id("note").value };
    try {
      const answer = await fetch(`${base}/marks`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Reelkeeper": "1" },
        body: JSON.stringify(mark),
      });
      if (!answer.ok) throw new Error(await reason(answer));
      const { marked, of } = await answer.json();
      edits.delete(number);
      told.drafts = told.drafts.filter((draft) => !(draft.mine && draft.shot === number));
      if (mark.choice !== "none" || mark.note.trim()) told.drafts.push({ ...mark, by: "you", mine: true });
      listMarks();
      say(`Kept. You have marked ${marked} of ${of} shots.`);
    } catch (error) {
      say(`Not kept. ${error.message}`, true);
    }
  }
  function markAs(choice) {
    if (!told.mayDraft || !told.planVersion) return;
    form.elements.choice.value = choice;
    keep();
  }
  function listMarks() {
    const shown = [...told.drafts].sort((one, other) => one.shot - other.shot).map((draft) => {
      const line = document.createElement("li");
      const link = element("a", `Shot ${draft.shot}`);
      const shot = told.shots.find((one) => one.number === draft.shot);
      link.href = `#${shot ? shot.start : 0}`;
      line.className = `mark-${draft.choice}`;
      line.append(link, ` ${CHOICES[draft.choice]} `, element("span", draft.mine ? "you" : (draft.by ?? "a person erased since"), "quiet"));
      if (draft.note) {
        line.append(element("p", draft.note));
        line.lastChild.dir = "auto";
      }
      return line;
    });
    for (const number of edits.keys()) shown.push(element("li", `Shot ${number}: not kept yet`, "warn"));
    id("marks").replaceChildren(...(shown.length ? shown : [element("li", "None yet.", "quiet")]));
  }

  // -- the reel as a strip --------------------------------------------------------------------------------------------

  const map = id("map");
  function drawMap() {
    const ratio = window.devicePixelRatio;
    const [width, height] = [map.clientWidth * ratio, map.clientHeight * ratio];
    if (map.width !== Math.round(width)) map.width = Math.round(width);
    map.height = Math.round(height);
    const pen = map.getContext("2d");
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const x = (frame) => (frame / Math.max(1, told.frames)) * width;
    pen.fillStyle = colour("--rule");
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = colour("--damage");
    for (const [first, last] of told.changed) pen.fillRect(x(first), height * 0.35, Math.max(ratio, x(last + 1) - x(first)), height * 0.65);
    pen.fillStyle = colour("--paper");
    for (const shot of told.shots.slice(1)) pen.fillRect(x(shot.start) - ratio, 0, 2 * ratio, height);
    pen.fillStyle = colour("--ink");
    pen.fillRect(x(view.frame + 0.5) - 1.5 * ratio, 0, 3 * ratio, height);
  }
  map.addEventListener("pointerdown", (event) => {
    const at = (e) => go(Math.floor(((e.clientX - map.getBoundingClientRect().left) / map.clientWidth) * told.frames));
    at(event);
    map.setPointerCapture(event.pointerId);
    map.onpointermove = at;
    map.onpointerup = () => (map.onpointermove = null);
  });

  // -- pointer and keys -----------------------------------------------------------------------------------------------

  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const box = stage.getBoundingClientRect();
    const line = box.left + (box.width * view.at) / 100;
    const wiping = view.mode === "wipe" && (!stage.classList.contains("zoomed") || Math.abs(event.clientX - line) < 16);
    const from = { left: event.clientX, top: event.clientY, x: view.x, y: view.y };
    const move = (e) => {
      if (wiping) setWipe((100 * (e.clientX - box.left)) / box.width);
      else {
        view.x = Math.max(0, Math.min(told.width, from.x - (e.clientX - from.left) / scale()));
        view.y = Math.max(0, Math.min(told.height, from.y - (e.clientY - from.top) / scale()));
        place();
      }
    };
    if (wiping) move(event);
    stage.setPointerCapture(event.pointerId);
    stage.onpointermove = move;
    stage.onpointerup = stage.onpointercancel = () => (stage.onpointermove = null);
  });
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // a plain wheel scrolls the page
    event.preventDefault();
    const picture = layers.before.querySelector("img").getBoundingClientRect();
    zoom(event.deltaY < 0 ? 1 : -1, [(event.clientX - picture.left) / scale(), (event.clientY - picture.top) / scale()]);
  }, { passive: false });

  const KEYS = {
    ArrowLeft: (shift) => go(view.frame - (shift ? FAR : 1)), ArrowRight: (shift) => go(view.frame + (shift ? FAR : 1)),
    Home: () => go(0), End: () => go(told.frames - 1), "[": () => shotBy(-1), "]": () => shotBy(1),
    n: () => jump(changedAfter(view.frame)), p: () => jump(changedBefore(view.frame)),
    w: () => setMode("wipe"), f: () => setMode("flicker"), d: () => setMode("difference"),
    m: () => id("damage").click(), k: () => (playing() ? pause() : play()), " ": hold, "+": () => zoom(1), "=": () => zoom(1), "-": () => zoom(-1), 0: () => zoom(0),
    a: () => markAs("accept"), r: () => markAs("redo"), "?": () => id("help").click(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const field = event.target.closest("input, textarea, select, button, a");
    // What a field needs for itself is its own; after a click on a view, the other keys go on working.
    if (field && (field.matches("textarea, select, input[type=number]") || event.key === " ")) return;
    if (field && field.matches("input[type=radio], input[type=range]") && /^(Arrow|Home|End)/.test(event.key)) return;
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act(event.shiftKey);
  });

  // -- wiring ---------------------------------------------------------------------------------------------------------

  const press = (name, act) => id(name).addEventListener("click", act);
  press("back", () => go(view.frame - 1));
  press("next", () => go(view.frame + 1));
  press("shot-back", () => shotBy(-1));
  press("shot-next", () => shotBy(1));
  press("changed-back", () => jump(changedBefore(view.frame)));
  press("changed-next", () => jump(changedAfter(view.frame)));
  press("zoom-in", () => zoom(1));
  press("zoom-out", () => zoom(-1));
  press("play", () => (playing() ? pause() : play()));
  if (!told.films || !Films.able()) {
    id("play").disabled = true;
    id("play").title = told.films ? "This browser cannot play films frame by frame" : "The restoration was made before there was a film of its scan";
  }
  press("help", () => {
    id("keys").hidden = !id("keys").hidden;
    id("help").setAttribute("aria-expanded", String(!id("keys").hidden));
  });
  if (!told.segments.length) {
    id("damage").disabled = true;
    id("damage").parentElement.title = "Known after the check";
  }
  id("frame").max = told.frames - 1;
  id("frame").addEventListener("change", () => go(Number(id("frame").value)));
  id("wipe").addEventListener("input", () => setWipe(Number(id("wipe").value)));
  id("gain").addEventListener("change", load);
  id("damage").addEventListener("change", () => {
    arrange();
    load();
  });
  for (const radio of document.querySelectorAll("[name=mode]")) radio.addEventListener("change", () => setMode(radio.value));
  form.addEventListener("submit", keep);
  form.addEventListener("input", edited);
  window.addEventListener("hashchange", () => go(Number(location.hash.slice(1))));
  window.addEventListener("beforeunload", (event) => edits.size && event.preventDefault());
  new ResizeObserver(() => {
    place();
    drawMap();
  }).observe(stage);
  new MutationObserver(drawMap).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  arrange();
  listMarks();
  const asks = Number(location.hash.slice(1));
  go(location.hash && Number.isFinite(asks) ? asks : (told.changed[0]?.[0] ?? 0));
})();
