// Starts the installed Chromium, whose path `docs/build` has put into CHROMIUM.
import { chromium } from "playwright-core";

export const HERE = new URL(".", import.meta.url).pathname;
export const ROOT = new URL("../../", import.meta.url).pathname;

/** Returns the browser, or null if there is none. */
export async function startBrowser() {
  const executablePath = process.env.CHROMIUM;
  return executablePath ? chromium.launch({ executablePath, args: ["--disable-gpu", "--disable-dev-shm-usage"] }) : null;
}
