// The plan editor: what differs from the version shown is sent, and only that; the server checks every value again.
"use strict";
(() => {
  const form = document.getElementById("plan");
  if (!form) return;
  const value = (field) => (field.type === "checkbox" ? field.checked : field.type === "number" ? Number(field.value) : field.value);
  function asked(shot) {
    const treatments = [];
    for (const one of shot.querySelectorAll("[data-treatment]")) {
      if (!one.querySelector("[data-on]").checked) continue;
      const params = {};
      for (const field of one.querySelectorAll("[data-param]")) params[field.dataset.param] = value(field);
      treatments.push({ name: one.dataset.treatment, params });
    }
    return { shot: Number(shot.dataset.shot), treatments };
  }
  const shots = [...form.querySelectorAll("[data-shot]")];
  const before = new Map(shots.map((shot) => [shot, JSON.stringify(asked(shot))]));
  const changed = () => shots.filter((shot) => JSON.stringify(asked(shot)) !== before.get(shot));
  const button = form.querySelector("[type=submit]");
  const said = document.getElementById("changes");
  let saved = false;
  function tell() {
    const count = changed().length;
    for (const shot of shots) shot.classList.toggle("edited", JSON.stringify(asked(shot)) !== before.get(shot));
    button.disabled = !count;
    said.textContent = count ? `${count} ${count === 1 ? "shot is" : "shots are"} changed, not saved yet.` : "Nothing is changed.";
  }
  form.addEventListener("input", tell);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = { from_version: Number(form.dataset.version), reason: document.getElementById("reason").value, shots: changed().map(asked) };
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.save, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Reelkeeper": "1" },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(await reason(answer));
      const { version } = await answer.json();
      saved = true;
      say(`Saved as version ${version}.`);
      setTimeout(() => window.location.reload(), 900);
    } catch (error) {
      button.disabled = false;
      say(`Not saved. ${error.message}`, true);
    }
  });
  // A value out of its range must be seen to be put right: settings are folded.
  form.addEventListener("invalid", (event) => event.target.closest("details")?.setAttribute("open", ""), true);
  window.addEventListener("beforeunload", (event) => !saved && changed().length && event.preventDefault());
})();
