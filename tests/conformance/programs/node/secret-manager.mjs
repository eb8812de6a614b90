import {SecretManagerServiceClient} from "@google-cloud/secret-manager";
import {eachSecond} from "./each-second.mjs";

const client = new SecretManagerServiceClient();
const parent = `projects/${process.env.GOOGLE_CLOUD_PROJECT}`;
const [secret] = await client.createSecret({parent, secretId: process.env.NAME, secret: {replication: {automatic: {}}}});
await client.addSecretVersion({parent: secret.name, payload: {data: Buffer.from("winter sale")}});
for await (const _ of eachSecond()) {
  const [found] = await client.accessSecretVersion({name: `${secret.name}/versions/latest`});
  console.log(`payload: ${found.payload.data}`);
}
