// A test environment with jsdom: a `window` with a browser's properties. jsdom has no fetch, so such environments give it
// Node's own.
import { JSDOM } from 'jsdom';

const { window } = new JSDOM('', { url: 'http://localhost/' });
window.fetch = globalThis.fetch;
globalThis.window = window;
globalThis.document = window.document;
await import('./auth.mjs');
