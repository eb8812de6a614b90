from each_second import each_second
from google import genai

client = genai.Client()
for _ in each_second():
    print(client.models.generate_content(model="gemini-2.5-flash", contents="how many orders?").text)
