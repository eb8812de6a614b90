import {GoogleGenAI} from "@google/genai";
import {eachSecond} from "./each-second.mjs";

const {GOOGLE_CLOUD_PROJECT: project} = process.env;
const client = new GoogleGenAI({vertexai: true, project, location: "us-central1"});
for await (const _ of eachSecond()) {
  const answer = await client.models.generateContent({model: "gemini-2.5-flash", contents: "how many orders?"});
  console.log(answer.text);
}
