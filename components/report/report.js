// Draws the charts in the reader's theme, and anew for paper: light, and no wider or higher than A4.
(() => {
  "use strict";
  // Pixels inside A4's margins: a chart that nearly fits twice on a sheet is made to, any other is
  // shrunk no more than a whole sheet asks.
  const PAPER = { width: 680, height: 860, half: 395, nearly: 510 };
  // The placeholders of components/figures/ink.py and what they are in each theme.
  const THEMES = {
    light: { "#000036": "#22303B", "#000037": "#0B131A", "#000038": "#FFFFFF" },
    dark: { "#000036": "#D5DDE3", "#000037": "#E6EBEF", "#000038": "#10161D" },
  };
  const NARROW = 400; // pixels, below which only every second tick has room
  const charts = JSON.parse(document.getElementById("chart-data").textContent);
  const plots = [...document.querySelectorAll(".plot")];
  const button = document.getElementById("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const print = matchMedia("print");
  const config = { displayModeBar: false, showSendToCloud: false, displaylogo: false,
    responsive: false };
  let drawn = "";

  const theme = () =>
    document.documentElement.dataset.theme || (prefersDark.matches ? "dark" : "light");

  // Colours, and the colour in a label's style; any other text is a name and stays as it is.
  const inked = (value, colors) => {
    if (typeof value === "string") {
      return colors[value] || value.replace(/;color:(#00003[678])'>/g,
        (whole, color) => `;color:${colors[color]}'>`);
    }
    if (Array.isArray(value)) return value.map((item) => inked(item, colors));
    if (value && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, inked(item, colors)]));
    }
    return value;
  };

  const thinTicks = (axis) => {
    if (!axis || !axis.tickvals || axis.tickvals.length < 3) return;
    axis.tickvals = axis.tickvals.filter((_, index) => index % 2 === 0);
    axis.ticktext = axis.ticktext.filter((_, index) => index % 2 === 0);
  };

  const draw = (onPaper) => {
    const state = onPaper ? "paper" : `${theme()} ${plots.map((p) => p.clientWidth).join()}`;
    if (state === drawn) return;
    drawn = state;
    const colors = THEMES[onPaper ? "light" : theme()];
    plots.forEach((plot) => {
      const { data, layout } = inked(charts[Number(plot.dataset.chart)], colors);
      // A chart higher than a sheet is drawn larger than life and shrunk as a whole.
      const room = layout.height <= PAPER.nearly ? PAPER.half : PAPER.height;
      const scale = onPaper ? Math.max(1, layout.height / room) : 1;
      plot.style.zoom = String(1 / scale);
      plot.style.minHeight = `${layout.height}px`;
      if (!onPaper && plot.clientWidth < NARROW) thinTicks(layout.xaxis);
      layout.width = onPaper ? Math.floor(PAPER.width * scale) : plot.clientWidth;
      Plotly.react(plot, data, layout, config);
    });
  };

  const label = () => {
    button.textContent = theme() === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to the ${button.textContent.toLowerCase()} theme`);
  };
  const screen = () => { draw(false); label(); };

  button.hidden = false;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    screen();
  });
  prefersDark.addEventListener("change", screen);
  addEventListener("beforeprint", () => draw(true));
  addEventListener("afterprint", () => draw(false));
  print.addEventListener("change", () => draw(print.matches));
  let waiting = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => draw(print.matches));
  });
  screen();
  document.documentElement.dataset.ready = "yes";
})();
