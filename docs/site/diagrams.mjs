// Renders Mermaid diagrams as SVG images, one for light pages and one for dark pages, so that readers load no script.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HERE, startBrowser } from "./browser.mjs";

// Labels hide the line behind them, so they have the background of the page.
const THEMES = { light: { theme: "neutral", background: "#ffffff", box: "#fafafa" }, dark: { theme: "dark", background: "#161923", box: "#1c2130" } };
const MERMAID = join(HERE, "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js");

/** Returns the name of a diagram's images, which changes with its source. */
export function nameOf(source) {
  return createHash("sha256").update(source).digest("hex").slice(0, 12);
}

/** Returns the text that describes a diagram to readers who do not see it: its `accTitle`. */
export function titleOf(source, page) {
  const title = /^\s*accTitle: (.+)$/m.exec(source)?.[1];
  if (!title) throw new Error(`${page}: expected a line \`accTitle: …\` in each diagram, found none in:\n${source}`);
  return title;
}

/** Writes the images of the diagrams into the folder. Returns false if there is no browser to render them. */
export async function render(sources, folder) {
  const browser = await startBrowser();
  if (!browser) return false;
  mkdirSync(folder, { recursive: true });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ path: MERMAID });
    for (const [suffix, { theme, background, box }] of Object.entries(THEMES)) {
      for (const source of sources) {
        const svg = await page.evaluate(
          async ([source, theme, background, box]) => {
            const fontFamily = "Helvetica, Arial, sans-serif";
            // Images show no HTML labels in every browser, and SVG text is rendered everywhere.
            const flowchart = { htmlLabels: false, wrappingWidth: 260, subGraphTitleMargin: { top: 2, bottom: 18 } };
            const themeCSS = `.edgeLabel rect, rect.background { opacity: 1 !important; fill: ${background} !important; } .cluster rect { fill: ${box} !important; }`;
            mermaid.initialize({ startOnLoad: false, theme, themeCSS, htmlLabels: false, flowchart, fontFamily });
            return (await mermaid.render("diagram", source)).svg;
          },
          [source, theme, background, box],
        );
        writeFileSync(join(folder, `${nameOf(source)}-${suffix}.svg`), withSize(svg));
      }
    }
  } finally {
    await browser.close();
  }
  return true;
}

/** Gives an image its own size in place of the width of its page. */
function withSize(svg) {
  const [, , width, height] = /viewBox="([^"]+)"/.exec(svg)[1].split(" ").map(Number).map(Math.ceil);
  return svg.replace(/(<svg[^>]*?) width="100%"/, `$1 width="${width}" height="${height}"`);
}
