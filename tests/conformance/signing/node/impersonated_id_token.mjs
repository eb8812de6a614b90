import { GoogleAuth, Impersonated } from 'google-auth-library';

const targetScopes = ['https://www.googleapis.com/auth/cloud-platform'];
const sourceClient = await new GoogleAuth({ scopes: targetScopes }).getClient();
const account = new Impersonated({ sourceClient, targetPrincipal: process.env.ACCOUNT, targetScopes });
console.log(await account.fetchIdToken(process.env.SERVICE_URL, { includeEmail: true }));
