// Before the first paint: the theme this reader chose, else the machine's.
const chosen = localStorage.getItem("regard-theme");
if (chosen) document.documentElement.dataset.theme = chosen;
