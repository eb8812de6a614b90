import {PubSub} from "@google-cloud/pubsub";

const pubsub = new PubSub({projectId: process.env.GOOGLE_CLOUD_PROJECT});
const [topic] = await pubsub.createTopic(process.env.NAME);
const [subscription] = await topic.createSubscription(process.env.NAME);
for (let number = 0; number < 10; number++) await topic.publishMessage({data: Buffer.from(String(number))});
const received = new Set();
await new Promise((resolve, reject) => {
  subscription.on("error", reject);
  subscription.on("message", (message) => {
    message.ack();
    received.add(String(message.data));
    if (received.size === 10) resolve();
  });
});
console.log(`received: ${received.size}`);
process.exit();
