import { Storage } from '@google-cloud/storage';

const [content] = await new Storage().bucket(process.env.BUCKET).file(process.env.OBJECT).download();
console.log(content.toString());
