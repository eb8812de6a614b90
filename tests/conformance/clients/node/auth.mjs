import { GoogleAuth } from 'google-auth-library';

const auth = new GoogleAuth({ scopes: ['https://www.googleapis.com/auth/cloud-platform'] });
const client = await auth.getClient();
const end = Date.now() + 1000 * Number(process.env.REPEAT_SECONDS ?? 0);
for (;;) {
  const response = await client.request({ url: process.env.URL, responseType: 'text' });
  console.log(response.data);
  if (Date.now() >= end) break;
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
