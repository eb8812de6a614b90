import {applicationDefault, initializeApp} from "firebase-admin/app";
import {getAuth} from "firebase-admin/auth";
import {eachSecond} from "./each-second.mjs";

initializeApp({credential: applicationDefault(), projectId: process.env.GOOGLE_CLOUD_PROJECT});
for await (const _ of eachSecond()) {
  console.log(`user: ${(await getAuth().getUserByEmail("ann@example.com")).uid}`);
}
