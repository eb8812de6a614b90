import { GoogleAuth } from 'google-auth-library';

const auth = new GoogleAuth({ scopes: ['https://www.googleapis.com/auth/cloud-platform'] });
const client = await auth.getClient();
const response = await client.request({ url: process.env.URL, responseType: 'text' });
console.log(response.data);
