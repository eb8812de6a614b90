import { GoogleAuth } from 'google-auth-library';

const client = await new GoogleAuth().getIdTokenClient(process.env.CLIENT_ID);
const response = await client.request({ url: process.env.APPLICATION_URL, responseType: 'text' });
console.log(response.data);
