// self-test.mjs FOLDER: breaks a page of the built book in each way that look.mjs knows, and fails unless each is reported.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HERE } from "./browser.mjs";

const PAGE = "faq.html";
const FAULTS = {
  '<div style="width: 2000px">wide</div>': "makes the page scroll sideways",
  '<p style="color: #cccccc">pale</p>': "axe color-contrast",
  '<a href="none.html">page</a>': "no page for the link none.html",
  '<a href="faq.html#none">heading</a>': "no heading for the link faq.html#none",
  '<img src="none.svg" alt="none">': "none.svg cannot be shown",
  '<img src="favicon.svg">': "axe image-alt",
  '<pre><code class="language-mermaid">flowchart</code></pre>': "a diagram is not an image",
  '<script src="https://cdn.example.com/a.js"></script>': "a request leaves the book: https://cdn.example.com/a.js",
};

const folder = mkdtempSync(join(tmpdir(), "book-"));
try {
  const book = join(folder, "book");
  cpSync(process.argv[2], book, { recursive: true });
  const others = readdirSync(book).filter((name) => name.endsWith(".html") && ![PAGE, "index.html", "toc.html"].includes(name));
  for (const name of others) rmSync(join(book, name));
  const text = readFileSync(join(book, PAGE), "utf8");
  writeFileSync(join(book, PAGE), text.replace("</main>", `${Object.keys(FAULTS).join("\n")}</main>`));
  const { status, stdout } = spawnSync("node", [join(HERE, "look.mjs"), book, join(folder, "screenshots")], { encoding: "utf8" });
  const missed = Object.entries(FAULTS).filter(([, message]) => !stdout.includes(message));
  for (const [fault] of missed) console.log(`not found by look.mjs: ${fault}`);
  if (status === 0 || missed.length) process.exit(1);
  console.log(`${Object.keys(FAULTS).length} kinds of faults are found in a broken page`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
