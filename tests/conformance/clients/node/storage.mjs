import { Storage } from '@google-cloud/storage';

const storage = new Storage({ apiEndpoint: process.env.STORAGE_URL, useAuthWithCustomEndpoint: true });
const [content] = await storage.bucket(process.env.BUCKET).file(process.env.OBJECT).download();
console.log(content.toString());
