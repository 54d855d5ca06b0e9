// The plan editor: what differs from the version shown is sent, and only that; the server checks every value again.
"use strict";
(() => {
  const form = document.getElementById("plan");
  if (!form) return;
  const shots = [...form.querySelectorAll("[data-shot]")];
  const button = form.querySelector("[type=submit]");
  const said = document.getElementById("changes");
  const changed = new Set();
  let saved = false;

  // -- settings, made when somebody opens them ------------------------------------------------------------------------

  const value = (field) => (field.type === "checkbox" ? field.checked : field.type === "number" ? Number(field.value) : field.value);
  function usual(field) {
    if (field.type === "checkbox") return field.defaultChecked;
    if (field.type === "number") return Number(field.defaultValue);
    return [...field.options].find((one) => one.defaultSelected)?.value;
  }
  /** What the version shown has stands in the field as what it was; of a field nobody wrote, the usual value does. */
  function fill(field, was) {
    if (field.type === "checkbox") field.checked = field.defaultChecked = was;
    else if (field.type === "number") field.value = field.defaultValue = was;
    else for (const one of field.options) one.selected = one.defaultSelected = one.value === was;
  }
  function build(details) {
    if (details.querySelector(".settings")) return;
    const treatment = details.closest("[data-treatment]");
    const name = treatment.dataset.treatment;
    const settings = document.querySelector(`template[data-settings="${name}"]`).content.cloneNode(true);
    const written = JSON.parse(details.dataset.params);
    for (const setting of settings.querySelectorAll(".setting")) {
      const field = setting.querySelector("[data-param]");
      field.id = `shot-${treatment.closest("[data-shot]").dataset.shot}-${name}-${field.dataset.param}`;
      setting.querySelector("label").htmlFor = field.id;
      for (const small of setting.querySelectorAll("small")) small.id = `${field.id}-${small.className}`;
      field.setAttribute("aria-describedby", `${field.id}-wrong ${field.id}-help`);
      if (field.dataset.param in written) fill(field, written[field.dataset.param]);
    }
    details.append(settings);
    follow(treatment);
  }
  /** Settings of what is not to be done cannot be wrong. */
  function follow(treatment) {
    const off = !treatment.querySelector("[data-on]").checked;
    for (const field of treatment.querySelectorAll("[data-param]")) field.disabled = off;
  }
  form.addEventListener("toggle", (event) => event.target.open && build(event.target), true);

  // -- what is changed ------------------------------------------------------------------------------------------------

  const fields = (one) => [...one.querySelectorAll("[data-param]")].filter((field) => value(field) !== usual(field));
  function differs(shot) {
    return [...shot.querySelectorAll("[data-treatment]")].some((one) => {
      const on = one.querySelector("[data-on]");
      return on.checked !== on.defaultChecked || (on.checked && fields(one).length > 0);
    });
  }
  function asked(shot) {
    const on = [...shot.querySelectorAll("[data-treatment]")].filter((one) => one.querySelector("[data-on]").checked);
    const params = (one) => Object.fromEntries(fields(one).map((field) => [field.dataset.param, value(field)]));
    return { shot: Number(shot.dataset.shot), treatments: on.map((one) => ({ name: one.dataset.treatment, params: params(one) })) };
  }
  function tell() {
    const count = changed.size;
    button.disabled = !count;
    said.textContent = count ? `${count} ${count === 1 ? "shot is" : "shots are"} changed, not saved yet.` : "Nothing is changed.";
  }
  form.addEventListener("input", (event) => {
    refuse(event.target, "");
    const shot = event.target.closest("[data-shot]");
    if (!shot) return;
    follow(event.target.closest("[data-treatment]"));
    const edited = differs(shot);
    shot.classList.toggle("edited", edited);
    if (edited) changed.add(shot);
    else changed.delete(shot);
    tell();
  });

  // -- saving ---------------------------------------------------------------------------------------------------------

  /** Say at a field what is wrong with it; an empty sentence takes that back. */
  function refuse(field, sentence) {
    const place = document.getElementById((field.getAttribute("aria-describedby") ?? "").split(" ")[0]);
    if (!place) return;
    place.textContent = sentence;
    if (sentence) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  /** What the server found wrong, at the field it was typed into. */
  function refused({ shot, treatment, param, rule }) {
    const details = form.querySelector(`[data-shot="${shot}"] [data-treatment="${treatment}"] details`);
    details.open = true;
    build(details);
    const field = details.querySelector(`[data-param="${param}"]`);
    refuse(field, rule);
    field.focus();
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = shots.filter((shot) => changed.has(shot)).map(asked);
    const body = { from_version: Number(form.dataset.version), reason: document.getElementById("reason").value, shots: wanted };
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.save, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Reelkeeper": "1" },
        body: JSON.stringify(body),
      });
      if (!answer.ok) {
        const { at } = await answer.clone().json().catch(() => ({}));
        if (at) refused(at);
        throw new Error(await reason(answer));
      }
      const { version } = await answer.json();
      saved = true;
      say(`Saved as version ${version}.`);
      setTimeout(() => window.location.reload(), 900);
    } catch (error) {
      button.disabled = false;
      say(`Not saved. ${error.message}`, true);
    }
  });
  // Said at the field and not in a bubble of the browser's, which goes after some seconds; settings are folded.
  let first = null;
  form.addEventListener("invalid", (event) => {
    event.preventDefault();
    const field = event.target;
    field.closest("details")?.setAttribute("open", "");
    refuse(field, field.dataset.rule);
    if (first) return;
    first = field;
    setTimeout(() => {
      first.focus();
      first = null;
    });
  }, true);
  window.addEventListener("beforeunload", (event) => !saved && changed.size && event.preventDefault());
})();
