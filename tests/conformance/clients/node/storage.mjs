import { Storage } from '@google-cloud/storage';

const file = new Storage().bucket(process.env.BUCKET).file(process.env.OBJECT);
const end = Date.now() + 1000 * Number(process.env.REPEAT_SECONDS ?? 0);
for (;;) {
  const [content] = await file.download();
  console.log(content.toString());
  if (Date.now() >= end) break;
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
