"use strict";
// Day or night colours: the system's, until a person chooses; paper is white. Runs before anything is painted.

const theme = (() => {
  const KEPT = "geoflood colours";
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = localStorage.getItem(KEPT);
  } catch (refused) {  // a page opened from a disk may have no storage: the choice lasts as long as the page
    chosen = null;
  }
  const isNight = () => chosen ? chosen === "night" : system.matches;
  function apply(night) {
    document.documentElement.dataset.theme = night ? "night" : "day";
    document.dispatchEvent(new Event("theme"));
  }
  function toggle() {
    chosen = isNight() ? "day" : "night";
    try {
      localStorage.setItem(KEPT, chosen);
    } catch (refused) {
      document.documentElement.dataset.storage = "none";
    }
    apply(isNight());
  }
  apply(isNight());
  system.addEventListener("change", () => apply(isNight()));
  addEventListener("beforeprint", () => apply(false));
  addEventListener("afterprint", () => apply(isNight()));
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return { colour, isNight, toggle };
})();
