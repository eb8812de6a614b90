import { GoogleAuth } from 'google-auth-library';

const url = process.env.SERVICE_URL;
const client = await new GoogleAuth().getIdTokenClient(url);
const response = await client.request({ url, responseType: 'text' });
console.log(response.data);
