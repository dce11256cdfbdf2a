// What pages do once scripts have arrived; without them everything is a link or a form.
import "./vendor/htmx.esm.min.js";
import { keys } from "./keys.js";

for (const form of document.querySelectorAll("form[data-follow]")) {
  form.addEventListener("change", () => {
    const said = new URLSearchParams(new FormData(form));
    const usual = { period: "12m", segment: "everyone", level: form.dataset.usual };
    for (const [name, value] of Object.entries(usual)) if (said.get(name) === value) said.delete(name);
    location.search = said.toString();
  });
}

document.querySelector("[data-theme-switch]")?.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("regard-theme", root.dataset.theme);
});

keys();
