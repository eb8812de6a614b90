import {SecretManagerServiceClient} from "@google-cloud/secret-manager";

const client = new SecretManagerServiceClient();
const parent = `projects/${process.env.GOOGLE_CLOUD_PROJECT}`;
const [secret] = await client.createSecret({parent, secretId: process.env.NAME, secret: {replication: {automatic: {}}}});
await client.addSecretVersion({parent: secret.name, payload: {data: Buffer.from("winter sale")}});
const [found] = await client.accessSecretVersion({name: `${secret.name}/versions/latest`});
console.log(`payload: ${found.payload.data}`);
