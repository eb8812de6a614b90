// look.mjs FOLDER SCREENSHOTS: opens each page of the book in Chromium, at desk and phone width, light and dark. Reports what
// scrolls sideways outside of its own box, diagrams without an image, links without a target, requests to other hosts, and
// everything that axe finds. Writes a picture of each view into SCREENSHOTS.
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { extname, join } from "node:path";
import { HERE, startBrowser } from "./browser.mjs";

const [folder, screenshots] = process.argv.slice(2);
const HOST = "http://book.test/";
const VIEWS = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const THEMES = { light: "light", dark: "navy" };
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png" };
const AXE = readFileSync(join(HERE, "node_modules/axe-core/axe.min.js"), "utf8");
const RULES = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] };

// Pages of mdBook without content of their own.
const OTHERS = ["404.html", "print.html", "toc.html"];
const pages = readdirSync(folder).filter((name) => name.endsWith(".html") && !OTHERS.includes(name)).sort();
const problems = [];
const anchors = new Map(); // page to the IDs of its elements
const links = []; // [page, target]

rmSync(screenshots, { recursive: true, force: true });
mkdirSync(screenshots, { recursive: true });
const browser = await startBrowser();
const context = await browser.newContext({ reducedMotion: "reduce" });
await context.route("**/*", serve);
const page = await context.newPage();
page.on("pageerror", (error) => problems.push(`a script fails: ${error.message}`));
for (const name of pages) await look(name);
await search();
await browser.close();
for (const [from, target] of links) {
  const [file, anchor] = target.split("#");
  if (!anchors.has(file)) problems.push(`${from}: no page for the link ${target}`);
  else if (anchor && !anchors.get(file).has(decodeURIComponent(anchor))) problems.push(`${from}: no heading for the link ${target}`);
}
console.log(`${pages.length} pages, ${links.length} links, ${problems.length} problems`);
for (const problem of new Set(problems)) console.log(`  ${problem}`);
process.exit(pages.length < 10 || links.length < 100 || problems.length ? 1 : 0);

/** Serves a request from the folder. The book needs no other host. */
async function serve(route) {
  const url = route.request().url();
  const path = decodeURIComponent(new URL(url).pathname);
  if (!url.startsWith(HOST)) {
    problems.push(`a request leaves the book: ${url}`);
    return route.abort();
  }
  try {
    await route.fulfill({ body: readFileSync(join(folder, path)), contentType: TYPES[extname(path)] ?? "application/octet-stream" });
  } catch {
    problems.push(`no file for ${path}`);
    await route.fulfill({ status: 404, body: "" });
  }
}

async function look(name) {
  await page.setViewportSize(VIEWS.desk);
  await page.goto(HOST + name, { waitUntil: "load" });
  // A picture in the middle of a movement shows nothing of use.
  await page.addStyleTag({ content: "* { transition: none !important; animation: none !important; }" });
  await page.evaluate(AXE);
  const found = await page.evaluate(read, HOST);
  anchors.set(name, new Set(found.ids));
  links.push(...found.links.map((link) => [name, link]));
  problems.push(...found.problems.map((problem) => `${name}: ${problem}`));
  for (const [theme, style] of Object.entries(THEMES)) {
    await page.evaluate((id) => document.getElementById(id).click(), `mdbook-theme-${style}`);
    for (const [view, size] of Object.entries(VIEWS)) {
      await page.setViewportSize(size);
      await page.evaluate(showSidebar, view === "desk");
      const wide = await page.evaluate(listWide);
      problems.push(...wide.map((element) => `${name}, ${view}: ${element} makes the page scroll sideways`));
      await page.screenshot({ path: join(screenshots, `${name.replace(".html", "")}-${view}-${theme}.png`) });
    }
    await page.setViewportSize(VIEWS.desk);
    await page.evaluate(showSidebar, true);
    // Themes differ by their colors only, so the other rules run once.
    const only = theme === "light" ? RULES : { type: "rule", values: ["color-contrast"] };
    const violations = await page.evaluate(async (only) => (await axe.run(document, { runOnly: only, resultTypes: ["violations"] })).violations, only);
    for (const { id, nodes } of violations) {
      for (const node of nodes.slice(0, 3)) problems.push(`${name}, ${theme}: axe ${id}: ${node.target} ${node.any[0]?.message ?? ""}`);
    }
  }
}

/** Searches for a text of an error message, as a reader would. */
async function search() {
  await page.goto(`${HOST}index.html?search=${encodeURIComponent("unable to parse")}`, { waitUntil: "load" });
  const result = page.locator("#mdbook-searchresults li, #searchresults li").first();
  await result.waitFor({ timeout: 20000 }).catch(() => problems.push("the search finds nothing"));
}

/** Runs in the page: its IDs, its links within the book, and diagrams that are not an image. */
function read(host) {
  const problems = [];
  if (document.querySelector("code.language-mermaid")) problems.push("a diagram is not an image");
  for (const image of document.querySelectorAll("main img")) {
    const isShown = getComputedStyle(image).display !== "none";
    if (isShown && !(image.complete && image.naturalWidth > 0)) problems.push(`the image ${image.src} cannot be shown`);
  }
  const here = location.pathname.slice(1);
  const targets = [...document.querySelectorAll("a[href]")].map((link) => link.href).filter((href) => href.startsWith(host));
  const links = targets.map((href) => href.slice(host.length)).map((target) => (target.startsWith("#") ? here + target : target));
  return { problems, links: links.filter((link) => link.split("#")[0]), ids: [...document.querySelectorAll("[id]")].map(({ id }) => id) };
}

/** Runs in the page: shows or hides the table of contents, as its button does. A phone begins without it. */
function showSidebar(isShown) {
  const box = document.getElementById("mdbook-sidebar-toggle-anchor");
  if (box.checked !== isShown) box.click();
}

/** Runs in the page: the elements that are wider than the page, outside of a box within the text that scrolls by itself. */
function listWide() {
  const width = document.documentElement.clientWidth;
  const text = document.querySelector("main");
  // The box around the text scrolls too, and with it the whole page.
  const scrolls = (element) =>
    element !== text && (["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const wide = [...text.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > width + 1);
  const own = wide.filter((element) => !scrolls(element));
  return own.slice(0, 3).map((element) => `<${element.tagName.toLowerCase()}> ${element.textContent.trim().slice(0, 60)}`);
}
