import {Firestore} from "@google-cloud/firestore";
import {eachSecond} from "./each-second.mjs";

const orders = new Firestore().collection(process.env.NAME);
await orders.doc("first").set({total: 42});
for await (const _ of eachSecond()) {
  const total = (await orders.doc("first").get()).get("total");
  console.log(`total: ${total}, documents: ${(await orders.get()).size}`);
}
