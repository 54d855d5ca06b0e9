// Light or dark as Airflow shows itself: from the page around the frame, or from what Airflow remembered in this browser.
"use strict";
(() => {
  const own = document.documentElement;
  let around = null;
  try {
    around = window.parent === window ? null : window.parent.document.documentElement;
  } catch {
    // A page of another site is around us: then the system's own setting holds.
  }
  const remembered = () => {
    try {
      return window.localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const follow = () => {
    const theme = around ? ["dark", "light"].find((name) => around.classList.contains(name)) : remembered();
    if (theme === "dark" || theme === "light") own.dataset.theme = theme;
    else delete own.dataset.theme;
  };
  follow();
  if (around) new MutationObserver(follow).observe(around, { attributes: true, attributeFilter: ["class"] });
  else window.addEventListener("storage", follow);
})();
