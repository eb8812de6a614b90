import {applicationDefault, initializeApp} from "firebase-admin/app";
import {getAuth} from "firebase-admin/auth";

initializeApp({credential: applicationDefault(), projectId: process.env.GOOGLE_CLOUD_PROJECT});
console.log(`user: ${(await getAuth().getUserByEmail("ann@example.com")).uid}`);
