// A preprocessor of mdBook. It includes pages of the repository, renders diagrams, and points links that leave the book to
// another page of it or to the repository at this version. A link without a target is an error.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, normalize, relative } from "node:path";
import { ROOT } from "./browser.mjs";
import { nameOf, render, titleOf } from "./diagrams.mjs";

const SRC = "docs/src";
const START = "introduction.md"; // the page in place of the table of contents
const ASSETS = join(ROOT, "target/book-assets");
const VERSION = /^version = "(.+)"$/m.exec(readFileSync(join(ROOT, "Cargo.toml"), "utf8"))[1];
const REPOSITORY = `https://github.com/rolebridge/rolebridge/blob/v${VERSION}/`;
const INCLUDE = /^\{\{#include (\S+)\}\}$/gm;
const LINK = /(!?\[[^\]]*\]\()([^)\s]+)(\))/g;
const DIAGRAM = /^```mermaid\n([\s\S]*?)^```$/gm;

if (process.argv[2] === "supports") process.exit(process.argv[3] === "html" ? 0 : 1);

const [, book] = JSON.parse(readFileSync(0, "utf8"));
const chapters = [...list(book.items)];
const included = new Map(); // the file that a page includes to the page
for (const chapter of chapters) {
  for (const [, file] of chapter.content.matchAll(INCLUDE)) included.set(normalize(join(SRC, file)), chapter.path);
}
rmSync(ASSETS, { recursive: true, force: true });
mkdirSync(join(ASSETS, "images"), { recursive: true });
for (const chapter of chapters) {
  chapter.content = withLinks(chapter.content, join(SRC, chapter.path));
  chapter.content = chapter.content.replace(INCLUDE, (_, file) => {
    const path = normalize(join(SRC, file));
    return withLinks(readFileSync(join(ROOT, path), "utf8"), path);
  });
}
const sources = chapters.flatMap((chapter) => [...chapter.content.matchAll(DIAGRAM)].map((match) => match[1]));
if (await render(sources, join(ASSETS, "diagrams"))) {
  for (const chapter of chapters) chapter.content = chapter.content.replace(DIAGRAM, (_, source) => images(source, chapter.path));
}
process.stdout.write(JSON.stringify(book));

function* list(items) {
  for (const { Chapter: chapter } of items) {
    if (!chapter) continue;
    yield chapter;
    yield* list(chapter.sub_items);
  }
}

/** Replaces the links of a file's text, outside of fenced code. */
function withLinks(text, file) {
  const parts = text.split(/^( *```[\s\S]*?^ *```$)/m);
  return parts.map((part, index) => (index % 2 ? part : part.replace(LINK, (_, begin, target, end) => begin + rewrite(target, file) + end))).join("");
}

/** Returns the target of a link as the book needs it. */
function rewrite(target, file) {
  if (/^[a-z]+:/.test(target) || target.startsWith("#")) return target;
  const [path, anchor] = target.split("#");
  const found = normalize(join(dirname(file), path));
  const suffix = anchor === undefined ? "" : `#${anchor}`;
  if (!existsSync(join(ROOT, found))) throw new Error(`${file}: expected a file for the link ${target}, found none`);
  if (included.has(found)) return included.get(found) + suffix;
  if (found === `${SRC}/SUMMARY.md`) return START;
  if (found.startsWith(`${SRC}/`)) return relative(SRC, found) + suffix;
  if (/\.(svg|png)$/.test(found)) {
    copyFileSync(join(ROOT, found), join(ASSETS, "images", basename(found)));
    return `images/${basename(found)}`;
  }
  return REPOSITORY.replace("/blob/", statSync(join(ROOT, found)).isDirectory() ? "/tree/" : "/blob/") + found + suffix;
}

/** Returns the two images of a diagram, one of which each theme shows. */
function images(source, page) {
  const title = titleOf(source, page).replaceAll('"', "&quot;");
  const image = (theme) => `<img class="diagram ${theme}-only" src="diagrams/${nameOf(source)}-${theme}.svg" alt="${title}">`;
  return `<p class="diagram-box">${image("light")}${image("dark")}</p>`;
}
