import {PubSub} from "@google-cloud/pubsub";
import {eachSecond} from "./each-second.mjs";

const pubsub = new PubSub({projectId: process.env.GOOGLE_CLOUD_PROJECT});
const [topic] = await pubsub.createTopic(process.env.NAME);
const [subscription] = await topic.createSubscription(process.env.NAME);
let received, done;
subscription.on("error", (error) => {
  throw error;
});
subscription.on("message", (message) => {
  message.ack();
  received.add(String(message.data));
  if (received.size === 10) done();
});
for await (const _ of eachSecond()) {
  received = new Set();
  const all = new Promise((resolve) => (done = resolve));
  for (let number = 0; number < 10; number++) await topic.publishMessage({data: Buffer.from(String(number))});
  await all;
  console.log(`received: ${received.size}`);
}
process.exit();
