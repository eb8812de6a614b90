// Google's library uses `window.fetch` wherever a `window` exists, as in a test environment, with Node's own fetch.
globalThis.window = { fetch: globalThis.fetch };
await import('./auth.mjs');
