import { Storage } from '@google-cloud/storage';

const file = new Storage().bucket(process.env.BUCKET).file(process.env.OBJECT);
const expires = Date.now() + 15 * 60 * 1000;
const [url] = await file.getSignedUrl({ version: 'v4', action: 'read', expires });
console.log(url);
